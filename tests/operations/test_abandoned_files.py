"""Unfinished chunk files: `verify` with `repair` removes those that belong to nobody."""

import fcntl
import os
import time
from pathlib import Path

import pytest

from tests.blobs import blob
from tests.workspace import Ended, Workspace, chunk_files

DAY = 24 * 60 * 60


@pytest.fixture
def prefix(workspace: Workspace) -> Path:
    """The directory of some chunks of `store`, which is whole."""
    workspace.make("blob", blob("first"))
    return next((workspace / "store").iterdir())


def names(prefix: Path) -> list[str]:
    """Return names of unfinished files as casync, this program and desync make them."""
    chunk = f"{prefix.name}{'0' * 60}"
    return [f"{chunk}.1.tmp", f"{chunk}.fedcba9876543210.tmp", ".tmp-cacnk.123", ".tmp-cacnk456"]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have `seconds` pass: nobody can set the time of a file's last change back."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + seconds)


def repaired(workspace: Workspace) -> Ended:
    ended = workspace.do("verify", store="store", repair=True)
    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    return ended


def test_what_is_older_than_a_day_is_removed(
    workspace: Workspace, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = chunk_files(workspace / "store")
    for name in names(prefix):
        (prefix / name).write_bytes(b"begun")
    later(monkeypatch, DAY + 60)
    ended = repaired(workspace)

    assert ended.statistics["abandoned_files_removed"] == 4
    assert chunk_files(workspace / "store") == before


def test_what_is_younger_is_left_whatever_its_time_of_writing_says(
    workspace: Workspace, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names(prefix):
        (prefix / name).write_bytes(b"begun")
        os.utime(prefix / name, (0, 0))
    later(monkeypatch, DAY - 60)
    ended = repaired(workspace)

    assert ended.statistics["abandoned_files_removed"] == 0
    assert all((prefix / name).exists() for name in names(prefix))


def test_without_repair_nothing_is_removed(
    workspace: Workspace, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (prefix / names(prefix)[0]).write_bytes(b"begun")
    later(monkeypatch, 2 * DAY)
    ended = workspace.do("verify", store="store")

    assert ended.statistics["abandoned_files_removed"] == 0
    assert (prefix / names(prefix)[0]).exists()


def test_what_is_locked_or_no_file_or_called_otherwise_is_left(
    workspace: Workspace, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, folder, link, _ = (prefix / name for name in names(prefix))
    folder.mkdir()
    link.symlink_to("nowhere")
    other = f"{prefix.name}{'0' * 60}"
    foreign = [f"{other}.tmp", f"{other}.xyz.tmp", f"ffff{other[4:]}.1.tmp", "notes.tmp", ".tmp-x"]
    for name in foreign:
        (prefix / name).write_bytes(b"somebody else's")
    above = workspace / "store" / names(prefix)[0]
    above.write_bytes(b"not in a directory of chunks")
    with locked.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        later(monkeypatch, 2 * DAY)
        ended = repaired(workspace)

    assert ended.statistics["abandoned_files_removed"] == 0
    assert locked.exists()
    assert folder.is_dir()
    assert link.is_symlink()
    assert all((prefix / name).exists() for name in foreign)
    assert above.exists()
