import os
from pathlib import Path

from desync_jobs.archive.attributes import (
    chattr_flags,
    fat_flags,
    flags_of_chattr,
    flags_of_fat,
    project_of,
)
from desync_jobs.archive.filesystem import PSEUDO, file_system
from desync_jobs.formats.flags import FeatureFlags


def test_each_attribute_has_a_bit_of_its_own() -> None:
    bits = [1 << place for place in range(32)]
    chattr = [flags_of_chattr(bit) for bit in bits if flags_of_chattr(bit)]
    fat = [flags_of_fat(bit) for bit in bits if flags_of_fat(bit)]

    assert sorted(fat + chattr) == [1 << place for place in range(13, 26)]
    assert flags_of_chattr(0x10 | 0x40) == (
        FeatureFlags.ATTRIBUTE_IMMUTABLE | FeatureFlags.ATTRIBUTE_NODUMP
    )
    assert flags_of_fat(0x1 | 0x2) == FeatureFlags.FAT_HIDDEN


def test_a_file_system_without_attributes_has_none() -> None:
    fd = os.open("/proc/self", os.O_RDONLY)
    try:
        assert file_system(fd) in PSEUDO
        assert [chattr_flags(fd), fat_flags(fd), project_of(fd)] == [0, 0, 0]
    finally:
        os.close(fd)


def test_an_ordinary_file_belongs_to_no_project(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        assert file_system(fd) not in PSEUDO
        assert project_of(fd) == 0
    finally:
        os.close(fd)
