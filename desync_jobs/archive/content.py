"""The content of one regular file, written piece by piece, with holes for zeros.

Blocks of zeros are left out, as casync does it; so nobody may have written to the file before.
"""

import os
from typing import TYPE_CHECKING, Final

from desync_jobs.core.chunk import BytesLike

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK: Final = 4096
_COMPARED: Final = 1 << 20
_CORRECTED: Final = 1 << 16
_WORD: Final = 8
_WORDS: Final = BLOCK // _WORD


def correct_content(fd: int, offset: int, data: BytesLike) -> int:
    """Write what differs in a piece of a file that has content; returns how many bytes that is.

    Raises `OSError`.
    """
    view, written = memoryview(data), 0
    for begin in range(0, len(view), _CORRECTED):
        part = view[begin : begin + _CORRECTED]
        if not same_content(fd, offset + begin, part):
            _write(fd, offset + begin, part)
            written += len(part)
    return written


def write_content(fd: int, offset: int, data: BytesLike) -> bool:
    """Write a piece of a new file at `offset`; returns whether a hole was left.

    Blocks of zeros at multiples of 4096 become holes; where the last one ends the file, somebody
    has to set its size. Raises `OSError`.
    """
    zeros = _zero_blocks(data, -offset % BLOCK)
    if not zeros:
        _write(fd, offset, data)
        return False
    view = memoryview(data)
    begin = 0
    for at in (*zeros, len(data)):
        if begin < at:
            _write(fd, offset + begin, view[begin:at])
        begin = at + BLOCK
    return True


def same_content(fd: int, offset: int, data: BytesLike) -> bool:
    """Whether an open file has `data` at `offset`."""
    view = memoryview(data)
    for begin in range(0, len(view), _COMPARED):
        part = view[begin : begin + _COMPARED]
        # As bytes: views are compared item by item.
        if os.pread(fd, len(part), offset + begin) != bytes(part):
            return False
    return True


def _zero_blocks(data: BytesLike, first: int) -> list[int]:
    """Return where blocks of zeros begin, of those at `first` and every 4096 bytes from there."""
    blocks = (len(data) - first) // BLOCK
    if blocks <= 0:
        return []
    # Most files have no block that begins with a zero, which is found out without NumPy.
    if 0 not in bytes(memoryview(data)[first::BLOCK])[:blocks]:
        return []
    import numpy as np

    words: NDArray[np.uint64] = np.frombuffer(data, np.uint64, blocks * _WORDS, first)
    table = words.reshape(-1, _WORDS)
    # Nearly every block that has anything in it does not begin with eight zeros.
    if table[:, 0].all():
        return []
    perhaps = np.flatnonzero(table[:, 0] == 0)
    sure = perhaps[~table[perhaps].any(axis=1)]
    found: list[int] = (sure * BLOCK + first).tolist()
    return found


def _write(fd: int, offset: int, data: BytesLike) -> None:
    done = os.pwrite(fd, data, offset)
    while done < len(data):
        done += os.pwrite(fd, memoryview(data)[done:], offset + done)
