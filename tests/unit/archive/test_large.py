"""Large files come in pieces, and some of one may be on disk already."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.archive.making import Counts, Rules
from desync_jobs.archive.unpacking import Unpacking
from desync_jobs.archive.wanted import Choice
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.workers import Workers
from desync_jobs.errors import TargetError
from desync_jobs.formats.catar.reading import Event, TreeReader
from tests.archives import END, NOTHING, archive, directory, file

STEP = 700_001
SIZE = 3_000_000


def events(content: bytes, then: dict[int, bytes], path: Path) -> Iterator[Event]:
    """Read an archive of one file in odd steps; after some of them, write to the file on disk."""
    data = archive([directory(0o777, NOTHING), *file(b"f", content, NOTHING), END])
    reader = TreeReader("archive")
    for number, begin in enumerate(range(0, len(data), STEP)):
        yield from reader.feed(data[begin : begin + STEP])
        if number in then:
            with path.open("r+b") as there:
                there.write(then[number])
    reader.finish()


def unpack(top: Path, content: bytes, then: dict[int, bytes] | None = None) -> Counts:
    cancel = Cancel()
    parent = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with Workers(2, cancel) as workers:
            target = os.fspath(top / "new")
            unpacking = Unpacking(parent, target, Rules(Choice()), workers, lambda _fd: None)
            return unpacking.unpack(events(content, then or {}, top / "new" / "f"))
    finally:
        os.close(parent)


def test_what_was_right_is_copied_where_the_rest_is_not(tmp_path: Path) -> None:
    before = os.urandom(SIZE)
    after = before[: SIZE // 2] + os.urandom(SIZE // 2)
    unpack(tmp_path, before)

    assert unpack(tmp_path, after).written == 1
    assert (tmp_path / "new" / "f").read_bytes() == after


def test_a_file_that_changes_while_it_is_compared_is_never_half_of_each(tmp_path: Path) -> None:
    before = b"y" + os.urandom(SIZE - 1)
    after = before[: SIZE // 2] + os.urandom(SIZE // 2)
    unpack(tmp_path, before)

    with pytest.raises(TargetError, match="f: was written to while it was compared"):
        unpack(tmp_path, after, then={1: b"x"})
    assert (tmp_path / "new" / "f").read_bytes() == b"x" + before[1:]
    assert os.listdir(tmp_path / "new") == ["f"]


def test_holes_do_not_depend_on_where_pieces_end(tmp_path: Path) -> None:
    unpack(tmp_path, bytes(SIZE) + b"end")

    assert (tmp_path / "new" / "f").read_bytes() == bytes(SIZE) + b"end"
    assert (tmp_path / "new" / "f").stat().st_blocks * 512 <= 4096
