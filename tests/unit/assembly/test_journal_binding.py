import os
from dataclasses import replace
from pathlib import Path

import pytest

from desync_jobs.assembly import journal_binding
from desync_jobs.assembly.journal import Journal
from desync_jobs.assembly.journal_binding import bind
from desync_jobs.assembly.journal_place import journal_path
from desync_jobs.assembly.placing import Target
from desync_jobs.formats.journal import TargetKind
from tests.filesystems.mounting import attached, attached_file, mounted
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


def lives_of_a_device(folder: Path) -> list[tuple[list[int], list[int]]]:
    """What is believed and what doubted in two runs of one life and in the next life."""
    extraction = Extraction(folder, POSITIONS)
    found = []
    with attached(folder / "backing", bytes(POSITIONS * 512)) as device:
        fd = os.open(device, os.O_RDWR)
        target = Target(fd, device)
        binding = bind(target, extraction.index, DIGEST)
        for life in (binding.life, binding.life, OTHER_LIFE):
            journal = Journal.open(str(folder / "journal"), target, replace(binding, life=life))
            with journal:
                found.append((done(journal), doubtful(journal)))
                journal.note([1, 2], 0)
                journal.settle()
                journal.note([2 + len(found)], 0)
        os.close(fd)
    assert binding.subject.target.size == POSITIONS * 512
    return found


def test_a_device_is_believed_after_a_reboot_as_far_as_it_was_settled(tmp_path: Path) -> None:
    assert lives_of_a_device(tmp_path) == [
        ([], []),
        ([1, 2, 3], []),
        ([1, 2, 3], [4]),
    ]


def test_a_device_known_by_its_number_alone_is_not_believed_after_a_reboot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_binding, "stable_identity", lambda _: None)

    assert lives_of_a_device(tmp_path) == [
        ([], []),
        ([1, 2, 3], []),
        ([], [1, 2, 3, 4]),
    ]


def test_a_device_is_known_under_another_number(tmp_path: Path) -> None:
    extraction = Extraction(tmp_path, POSITIONS)
    (tmp_path / "backing").write_bytes(bytes(POSITIONS * 512))
    bound, devices = [], []

    def see(device: str) -> None:
        fd = os.open(device, os.O_RDWR)
        bound.append(bind(Target(fd, device), extraction.index, DIGEST))
        devices.append((os.fstat(fd).st_rdev, journal_path(device)))
        os.close(fd)

    with attached_file(tmp_path / "backing") as device:
        see(device)
        with attached(tmp_path / "other", bytes(POSITIONS * 512)) as other:
            see(other)
            with attached_file(tmp_path / "backing") as again:
                see(again)
    first, another, same = bound

    assert first.subject == same.subject
    assert first.subject.target.kind is TargetKind.NAMED_DEVICE
    assert first.life != same.life
    assert another.subject != first.subject
    assert devices[0][1] == devices[2][1] != devices[1][1]
    assert devices[0][0] != devices[2][0]
