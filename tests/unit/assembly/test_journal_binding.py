import os
from dataclasses import replace
from pathlib import Path

import pytest

from desync_jobs.assembly import journal_binding
from desync_jobs.assembly.journal import Journal
from desync_jobs.assembly.journal_binding import bind
from desync_jobs.assembly.placing import Target
from desync_jobs.formats.journal import TargetKind
from tests.filesystems.mounting import attached, mounted
from tests.unit.assembly.journaling import (
    DIGEST,
    LENGTH,
    OTHER_LIFE,
    POSITIONS,
    Extraction,
    done,
    doubtful,
    noted,
)


def test_a_later_file_with_the_same_inode_is_another_target(tmp_path: Path) -> None:
    with mounted("ext4", tmp_path / "disk", 8) as disk:
        extraction = Extraction(disk, POSITIONS)
        inode = extraction.path.stat().st_ino
        noted(extraction, 1)
        extraction.close()
        extraction.path.unlink()
        extraction.path.write_bytes(bytes(POSITIONS * LENGTH))
        again = extraction.path.stat().st_ino
        with extraction.open() as journal:
            found = done(journal)
        extraction.close()

    assert again == inode
    assert found == []


def test_a_file_is_known_by_another_device_number(extraction: Extraction) -> None:
    identity = extraction.binding().subject.target

    assert identity.born > 0
    assert identity.device == 0
    assert identity.inode == extraction.path.stat().st_ino


def test_without_a_time_of_birth_the_device_counts(
    extraction: Extraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_binding, "born", lambda _: 0)
    identity = extraction.binding().subject.target

    assert identity.born == 0
    assert identity.device == extraction.path.stat().st_dev


def test_a_life_lasts_as_long_as_the_boot(
    extraction: Extraction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = tmp_path / "boot_id"
    monkeypatch.setattr(journal_binding, "_BOOT_ID", str(boot))
    lives = []
    for content in ("one", "one", "two", None, None):
        if content is None:
            boot.unlink(missing_ok=True)
        else:
            boot.write_text(content)
        lives.append(extraction.binding().life)

    assert lives[0] == lives[1]
    assert len(set(lives[1:])) == 4


def test_a_device_is_believed_until_it_is_another(tmp_path: Path) -> None:
    content = bytes(POSITIONS * 512)
    extraction = Extraction(tmp_path, POSITIONS)
    path = str(tmp_path / "journal")
    found = []
    with attached(tmp_path / "backing", content) as device:
        fd = os.open(device, os.O_RDWR)
        target = Target(fd, device)
        binding = bind(target, extraction.index, DIGEST)
        for life in (binding.life, binding.life, OTHER_LIFE):
            with Journal.open(path, target, replace(binding, life=life)) as journal:
                found.append((done(journal), doubtful(journal)))
                journal.note([1, 2], 0)
                journal.settle()
        os.close(fd)
    with attached(tmp_path / "other", content) as device:
        fd = os.open(device, os.O_RDWR)
        other = bind(Target(fd, device), extraction.index, DIGEST)
        os.close(fd)

    assert found == [([], []), ([1, 2], []), ([], [1, 2])]
    assert binding.subject.target.kind is TargetKind.DEVICE
    assert binding.subject.target.size == len(content)
    assert other.life != binding.life
