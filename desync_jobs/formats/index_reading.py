"""An index file → `Index`, a block at a time, so that a file need not fit into memory.

Says of every file the same as `parse_index` of all its bytes; a test holds them equal.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.errors import InvalidDataError
from desync_jobs.formats.index import Index
from desync_jobs.formats.index_building import IndexBuilder
from desync_jobs.formats.index_checking import RowChecker
from desync_jobs.formats.index_layout import BEGINNING, ROW, check_length, parse_header

_BLOCK: Final = 1 << 15
"""Rows read at a time, so that what they take stays in the processor's cache."""

Fill = Callable[[memoryview], int]
"""Fills memory from a file; returns how many bytes there were before its end."""


def read_index_blocks(fill: Fill, where: str, size: int, limit: int) -> Index:
    """Read an index to the end of what `fill` reads; `where` names it in messages.

    `size` is how large it is, where that is known, and else 0. Raises `IndexFormatError` as
    `parse_index` does, and `InvalidDataError` where there are more than `limit` bytes.
    """
    room = bytearray(_BLOCK * ROW.itemsize)
    with memoryview(room) as view:
        total = fill(view[:BEGINNING])
        if total < BEGINNING:
            check_length(total, where)
        flags, sizes = parse_header(room, where)
        builder = IndexBuilder(flags, sizes, min(size, limit) // ROW.itemsize)
        checker = RowChecker(sizes.maximum, where)
        held = 0
        while True:
            count = fill(view[held:])
            total += count
            if total > limit:
                raise InvalidDataError(
                    f"{where}: is larger than {limit} bytes, the most that is read"
                )
            whole, rest = divmod(held + count, ROW.itemsize)
            rows: NDArray[Any] = np.frombuffer(room, ROW, whole)
            if held + count < len(room):
                break
            # The last row may turn out to be the tail.
            _take(rows[:-1], builder, checker)
            view[: ROW.itemsize] = bytes(view[-ROW.itemsize :])
            held = ROW.itemsize
        check_length(total, where)
        _take(rows[:-1], builder, checker)
        checker.finish(rows[-1:], rest)
    return builder.index()


def _take(rows: NDArray[Any], builder: IndexBuilder, checker: RowChecker) -> None:
    # What is wrong is said at the end: the tail comes first in messages.
    if checker.check(rows):
        builder.add_rows(rows)
