"""An index file → `Index`, a block at a time, so that a file need not fit into memory.

Says of every file the same as `parse_index` of all its bytes; a test holds them equal.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.errors import InvalidDataError
from desync_jobs.formats.index import Index
from desync_jobs.formats.index_building import IndexBuilder
from desync_jobs.formats.index_checking import RowChecker
from desync_jobs.formats.index_layout import BEGINNING, ROW, check_length, parse_header

_BLOCK: Final = 1 << 15
"""Rows read at a time, so that what they take stays in the processor's cache."""

Fill = Callable[[memoryview], int]
"""Fills memory from a file; returns how many bytes there were before its end."""


Keep = Callable[[NDArray[Any]], object]
"""Takes rows that are right."""


def read_index_blocks(fill: Fill, where: str, size: int, limit: int) -> Index:
    """Read an index to the end of what `fill` reads; `where` names it in messages.

    `size` is how large it is, where that is known, and else 0. Raises `IndexFormatError` as
    `parse_index` does, and `InvalidDataError` where there are more than `limit` bytes.
    """
    builders: list[IndexBuilder] = []

    def begin(flags: int, sizes: ChunkSizes) -> Keep:
        builders.append(IndexBuilder(flags, sizes, min(size, limit) // ROW.itemsize))
        return builders[0].add_rows

    _go_through(fill, where, limit, begin)
    return builders[0].index()


def check_index_blocks(fill: Fill, where: str, limit: int) -> None:
    """Raise what `read_index_blocks` does, and keep nothing."""

    def begin(flags: int, sizes: ChunkSizes) -> Keep:
        del flags, sizes
        return len  # of each block, which is nothing

    _go_through(fill, where, limit, begin)


def _go_through(
    fill: Fill, where: str, limit: int, begin: Callable[[int, ChunkSizes], Keep]
) -> None:
    room = bytearray(_BLOCK * ROW.itemsize)
    with memoryview(room) as view:
        total = fill(view[:BEGINNING])
        if total < BEGINNING:
            check_length(total, where)
        flags, sizes = parse_header(room, where)
        keep = begin(flags, sizes)
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
            _take(rows[:-1], keep, checker)
            view[: ROW.itemsize] = bytes(view[-ROW.itemsize :])
            held = ROW.itemsize
        check_length(total, where)
        _take(rows[:-1], keep, checker)
        checker.finish(rows[-1:], rest)


def _take(rows: NDArray[Any], keep: Keep, checker: RowChecker) -> None:
    # What is wrong is said at the end: the tail comes first in messages.
    if checker.check(rows):
        keep(rows)
