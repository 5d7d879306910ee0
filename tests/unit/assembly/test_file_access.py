"""A file read at any place."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.assembly.file_access import FileAccess

MIB = 1 << 20


@pytest.fixture
def sparse(tmp_path: Path) -> Iterator[FileAccess]:
    """A file of data, a hole, data and a hole, 1 MiB each."""
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write(b"a" * MIB)
        file.seek(2 * MIB)
        file.write(b"b" * MIB)
        file.truncate(4 * MIB)
    fd = os.open(path, os.O_RDONLY)
    yield FileAccess(fd, "file")
    os.close(fd)


def test_a_read_gives_what_is_there_and_no_more(sparse: FileAccess) -> None:
    assert sparse.size == 4 * MIB
    assert sparse.read(MIB - 2, 4) == b"aa\0\0"
    assert sparse.read(4 * MIB - 3, 10) == bytes(3)
    assert sparse.read(4 * MIB, 10) == b""
    assert sparse.read(5 * MIB, 10) == b""


def test_holes_are_those_of_the_file_system(sparse: FileAccess) -> None:
    whole = [(one.length, one.hole) for one in sparse.extents(0, 4 * MIB)]
    part = [(one.length, one.hole) for one in sparse.extents(MIB + 5, 2 * MIB)]

    assert whole == [(MIB, False), (MIB, True)] * 2
    assert part == [(MIB - 5, True), (MIB, False), (5, True)]
    assert list(sparse.extents(4 * MIB, 10)) == []
