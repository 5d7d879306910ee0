import os
from pathlib import Path

import pytest

from desync_jobs.archive.content import BLOCK, write_content

DATA = os.urandom(BLOCK - 1) + b"x"
ZEROS = bytes(BLOCK)


@pytest.mark.parametrize("offset", [0, 1, 100, BLOCK])
@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"x", bytes(10), ZEROS, DATA, DATA + ZEROS, ZEROS + DATA, ZEROS * 20 + b"x"),
        *(DATA + ZEROS * 3 + DATA + ZEROS, b"\0" * 8 + b"x" * BLOCK, DATA * 2 + bytes(BLOCK - 1)),
    ],
    ids=range(11),
)
def test_a_piece_is_what_it_was_whatever_becomes_a_hole(
    tmp_path: Path, content: bytes, offset: int
) -> None:
    path = tmp_path / "file"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        with memoryview(b"before" + content) as view:
            write_content(fd, offset, view[6:])
        os.ftruncate(fd, offset + len(content))
    finally:
        os.close(fd)

    assert path.read_bytes() == bytes(offset) + content


def test_blocks_of_zeros_take_no_room(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        assert write_content(file.fileno(), 0, ZEROS * 500 + DATA + ZEROS * 500)
        assert not write_content(file.fileno(), 1001 * BLOCK, DATA)

    assert path.stat().st_blocks * 512 <= 4 * BLOCK
