import os
import stat
from pathlib import Path

import pytest

from desync_jobs.errors import InvalidDataError
from desync_jobs.stores.chunk_file import (
    publish_chunk_file,
    read_chunk_file,
    replace_chunk_file,
)


def names(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


@pytest.mark.parametrize("size", [0, 1, 65536, 100_000])
def test_a_file_is_read_whole_up_to_the_limit(tmp_path: Path, size: int) -> None:
    file = tmp_path / "chunk"
    file.write_bytes(bytes(size))

    assert read_chunk_file(str(file), size) == bytes(size)


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "chunk"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)

    with pytest.raises(InvalidDataError, match="1099511627776 bytes, more than the limit of 1000"):
        read_chunk_file(str(file), 1000)


def test_short_reads_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "chunk"
    file.write_bytes(b"some data")
    read = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: read(fd, min(size, 2)))

    assert read_chunk_file(str(file), 100) == b"some data"


def test_a_file_that_shrinks_gives_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "chunk"
    file.write_bytes(b"some data")
    read = os.read

    def shrink(descriptor: int, size: int) -> bytes:
        os.truncate(file, 4)
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", shrink)

    assert read_chunk_file(str(file), 100) == b"some"


@pytest.mark.parametrize("kind", ["fifo", "directory"])
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    path = str(tmp_path / "chunk")
    if kind == "fifo":
        os.mkfifo(path)
    else:
        os.mkdir(path)

    with pytest.raises(InvalidDataError, match="it is not a regular file"):
        read_chunk_file(path, 1000)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    file = tmp_path / "chunk"
    file.write_bytes(b"data")
    before = os.listdir("/proc/self/fd")
    read_chunk_file(str(file), 100)
    with pytest.raises(InvalidDataError):
        read_chunk_file(str(file), 1)
    publish_chunk_file(str(tmp_path / "new"), b"data")

    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_published_file_is_read_only_and_alone(tmp_path: Path) -> None:
    target = tmp_path / "1c81" / "chunk"

    created = publish_chunk_file(str(target), b"data")

    assert created
    assert target.read_bytes() == b"data"
    assert stat.S_IMODE(target.stat().st_mode) == 0o444
    assert names(tmp_path) == ["1c81", "1c81/chunk"]


def test_the_umask_takes_away_from_both_modes(tmp_path: Path) -> None:
    target = tmp_path / "1c81" / "chunk"
    before = os.umask(0o027)
    try:
        publish_chunk_file(str(target), b"data")
    finally:
        os.umask(before)

    assert stat.S_IMODE(target.stat().st_mode) == 0o440
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o750


def test_what_exists_is_not_published_again(tmp_path: Path) -> None:
    target = tmp_path / "chunk"
    target.write_bytes(b"old")

    created = publish_chunk_file(str(target), b"new")

    assert not created
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["chunk"]


@pytest.mark.parametrize("leftover", ["an empty file", "a link to nothing"])
def test_what_holds_nothing_is_replaced(tmp_path: Path, leftover: str) -> None:
    target = tmp_path / "chunk"
    if leftover == "an empty file":
        target.touch()
    else:
        target.symlink_to("nothing")

    created = publish_chunk_file(str(target), b"new")

    assert created
    assert target.read_bytes() == b"new"
    assert not target.is_symlink()
    assert names(tmp_path) == ["chunk"]


def test_a_replaced_file_has_the_new_content_and_mode(tmp_path: Path) -> None:
    target = tmp_path / "chunk"
    target.write_bytes(b"old")

    replace_chunk_file(str(target), b"new")

    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o444
    assert names(tmp_path) == ["chunk"]


@pytest.mark.parametrize("publish", [publish_chunk_file, replace_chunk_file])
@pytest.mark.parametrize("call", ["write", "close", "rename"])
def test_a_failure_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publish: object, call: str
) -> None:
    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    close = os.close

    def close_and_fail(descriptor: int) -> None:
        close(descriptor)
        fail()

    if call == "rename":
        monkeypatch.setattr("desync_jobs.stores.chunk_file.rename_new", fail)
        monkeypatch.setattr(os, "replace", fail)
    else:
        monkeypatch.setattr(os, call, fail if call == "write" else close_and_fail)

    assert callable(publish)
    with pytest.raises(OSError, match="No space left on device"):
        publish(str(tmp_path / "1c81" / "chunk"), b"data")
    monkeypatch.undo()

    assert names(tmp_path) == []


def test_a_failure_keeps_the_old_file_and_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "1c81" / "chunk"
    publish_chunk_file(str(target), b"old")

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(OSError, match="No space left on device"):
        replace_chunk_file(str(target), b"new")
    monkeypatch.undo()

    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["1c81", "1c81/chunk"]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:2]))

    publish_chunk_file(str(tmp_path / "chunk"), b"some data")

    assert (tmp_path / "chunk").read_bytes() == b"some data"


def test_a_directory_removed_at_the_wrong_moment_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = os.mkdir
    attempts: list[str] = []

    def mkdir_and_lose(path: str) -> None:
        mkdir(path)
        attempts.append(path)
        if len(attempts) < 3:
            os.rmdir(path)

    monkeypatch.setattr(os, "mkdir", mkdir_and_lose)

    publish_chunk_file(str(tmp_path / "1c81" / "chunk"), b"data")

    assert len(attempts) == 3
    assert names(tmp_path) == ["1c81", "1c81/chunk"]
