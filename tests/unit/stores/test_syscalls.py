import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.stores import syscalls
from desync_jobs.stores.syscalls import rename_new, sync_file_system


@pytest.fixture(params=["renameat2", "no renameat2", "no renameat2 and no links"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Be a system with more or less support, as file systems differ in it."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EINVAL, "not supported here")

    name: str = request.param
    if name != "renameat2":
        monkeypatch.setattr(syscalls, "_rename_no_replace", refuse)
    if name == "no renameat2 and no links":
        monkeypatch.setattr(os, "link", refuse)
    return name


@pytest.mark.usefixtures("system")
def test_a_file_is_renamed_to_a_new_name(tmp_path: Path) -> None:
    source, target = tmp_path / "söurce", tmp_path / "target"
    source.write_text("new")

    rename_new(str(source), str(target))

    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["target"]


@pytest.mark.usefixtures("system")
def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    target.write_text("old")

    with pytest.raises(FileExistsError):
        rename_new(str(source), str(target))

    assert (source.read_text(), target.read_text()) == ("new", "old")


@pytest.mark.usefixtures("system")
def test_a_missing_source_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        rename_new(str(tmp_path / "source"), str(tmp_path / "target"))


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    opened = os.open(tmp_path, os.O_RDONLY)
    yield opened
    os.close(opened)


def test_a_file_system_is_synced_by_any_of_its_files(descriptor: int) -> None:
    sync_file_system(descriptor)


def test_a_failed_sync_is_told() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        sync_file_system(-1)


def test_everything_is_synced_where_one_file_system_cannot_be(
    descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(syscalls, "_LIBC", object())
    monkeypatch.setattr(os, "sync", lambda: calls.append("sync"))

    sync_file_system(descriptor)

    assert calls == ["sync"]
