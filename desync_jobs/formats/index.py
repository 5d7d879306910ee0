"""Indexes (`.caibx`, `.caidx`): the ordered chunks of a blob, as arrays.

An index file is a header, one 40-byte row for each chunk (where it ends in the
blob, and its ID) and a tail of the size of a row, all little-endian. What is parsed here is viewed
where it is, and checked in blocks, with a few hundred kilobytes beside it; `index_reading` reads
a file in blocks and keeps chunks that repeat once.

What casync refuses is refused: trailing bytes, flags out of their normal form,
chunks without bytes, and every field that could have another value. Chunks
below the minimum are accepted, as both programs do.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import CHUNK_ID_SIZE, BytesLike, ChunkID, DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.errors import IndexFormatError
from desync_jobs.formats.flags import flags_algorithm, flags_problem
from desync_jobs.formats.rows import PlainRows, Positions, Rows
from desync_jobs.formats.unique import distinct_chunks

_HEADER: Final = struct.Struct("<8Q")
_TAIL: Final = struct.Struct("<5Q")
ROW: Final = np.dtype([("end", "<u8"), ("id", "u1", (CHUNK_ID_SIZE,))])
"""A row of an index file."""

_INDEX_TYPE: Final = 0x96824D9C7B129FF9
_TABLE_TYPE: Final = 0xE75B9E112F17417D
_TAIL_MARKER: Final = 0x4B4F050E5549ECD1
_INDEX_ELEMENT_SIZE: Final = 48
_OPEN_ENDED: Final = (1 << 64) - 1
"""The table's size as its header says it; the tail has the real one."""
_SHORTEST: Final = _HEADER.size + _TAIL.size

BEGINNING: Final = _HEADER.size
"""Bytes that say whether a file is an index at all."""

_BLOCK: Final = 1 << 15
"""Rows checked at a time, so that what they take stays in the processor's cache."""


class Index:
    """The chunks of a blob, in order; never changed.

    How they lie in memory is for `Rows` to know: ask for what is needed, a block at a time.
    """

    __slots__ = ("_rows", "flags", "sizes")

    def __init__(
        self, flags: int, sizes: ChunkSizes, ends: NDArray[np.uint64], ids: NDArray[np.uint8]
    ) -> None:
        """Take `ends`, of shape (n,) and strictly ascending, and `ids`, of shape (n, 32)."""
        self.flags: Final = flags
        self.sizes: Final = sizes
        self._rows: Rows = PlainRows(ends, ids)

    @classmethod
    def of_rows(cls, flags: int, sizes: ChunkSizes, rows: Rows) -> Self:
        """Return an index of `rows`, however they are laid out."""
        index = cls(flags, sizes, np.empty(0, np.uint64), np.empty((0, CHUNK_ID_SIZE), np.uint8))
        index._rows = rows
        return index

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> Rows:
        """How the chunks lie in memory, for whoever goes through them run by run."""
        return self._rows

    @property
    def algorithm(self) -> DigestAlgorithm:
        """The digest that the IDs are made with."""
        return flags_algorithm(self.flags)

    @property
    def ends(self) -> NDArray[np.uint64]:
        """Where each chunk ends in the blob, in bytes; shape (n,); may be a new array."""
        return self._rows.ends_between(0, len(self))

    @property
    def ids(self) -> NDArray[np.uint8]:
        """Chunk IDs; shape (n, 32); may be a new array."""
        return self._rows.ids_between(0, len(self))

    @property
    def blob_size(self) -> int:
        """Bytes of the blob."""
        return self.end(len(self) - 1) if len(self) else 0

    @property
    def largest(self) -> int:
        """Bytes of the longest chunk, 0 where there is none; looks at every row."""
        return max((int(lengths.max()) for _, lengths in self.length_blocks()), default=0)

    def start(self, position: int) -> int:
        """Return where chunk `position` (0 ≤ position < n) starts in the blob."""
        return self._rows.end(position - 1) if position else 0

    def end(self, position: int) -> int:
        """Return where chunk `position` ends in the blob."""
        return self._rows.end(position)

    def length(self, position: int) -> int:
        """Return the bytes of chunk `position`."""
        return self.end(position) - self.start(position)

    def id(self, position: int) -> ChunkID:
        """Return the ID of chunk `position`."""
        return self._rows.id(position)

    def starts(self) -> NDArray[np.uint64]:
        """Return where each chunk starts; a new array of shape (n,)."""
        starts = np.zeros(len(self), np.uint64)
        starts[1:] = self.ends[:-1]
        return starts

    def lengths(self) -> NDArray[np.uint64]:
        """Return the bytes of each chunk; a new array of shape (n,)."""
        return self.lengths_between(0, len(self)).view(np.uint64)

    def ends_between(self, first: int, last: int) -> NDArray[np.uint64]:
        """Return where the chunks at `first` to `last - 1` end."""
        return self._rows.ends_between(first, last)

    def ids_between(self, first: int, last: int) -> NDArray[np.uint8]:
        """Return the IDs of the chunks at `first` to `last - 1`; shape (last - first, 32)."""
        return self._rows.ids_between(first, last)

    def ids_at(self, positions: Positions) -> NDArray[np.uint8]:
        """Return the IDs of the chunks at `positions`; a new array of shape (k, 32)."""
        return self._rows.ids_at(positions)

    def lengths_between(self, first: int, last: int) -> NDArray[np.int64]:
        """Return the bytes of the chunks at `first` to `last - 1`; a new array."""
        ends = self._rows.ends_between(first, last).astype(np.int64)
        lengths = np.empty_like(ends)
        np.subtract(ends[1:], ends[:-1], out=lengths[1:])
        lengths[:1] = ends[:1] - (self.start(first) if len(ends) else 0)
        return lengths

    def lengths_at(self, positions: Positions) -> NDArray[np.int64]:
        """Return the bytes of the chunks at `positions`, in any order; a new array."""
        lengths = np.empty(len(positions), np.int64)
        for at in range(0, len(positions), _BLOCK):
            block = positions[at : at + _BLOCK]
            lengths[at : at + _BLOCK] = self.ends_at(block) - self.starts_at(block)
        return lengths

    def ends_at(self, positions: Positions) -> NDArray[np.int64]:
        """Return where the chunks at `positions`, in any order, end; a new array."""
        return self._rows.ends_at(positions).view(np.int64)

    def starts_at(self, positions: Positions) -> NDArray[np.int64]:
        """Return where the chunks at `positions`, in any order, start; a new array."""
        starts = self._rows.ends_at(np.maximum(positions - 1, 0)).view(np.int64)
        starts[positions == 0] = 0
        return starts

    def distinct(self, first: int = 0, last: int | None = None) -> Positions:
        """Return where each different chunk of positions `first` to `last - 1` first occurs.

        Ascending; the whole index unless told.
        """
        runs = self._rows.runs_between(first, len(self) if last is None else last)
        found = distinct_chunks(self._rows.run_ids[runs]) + runs.start
        return np.maximum(self._rows.firsts(found), first)

    def length_blocks(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield all lengths block by block, with the first position of each block."""
        for at in range(0, len(self), _BLOCK):
            yield at, self.lengths_between(at, min(at + _BLOCK, len(self)))

    def ended_by(self, offset: int) -> int:
        """Return how many chunks end at or before `offset` in the blob."""
        return self._rows.ended_by(offset)


def parse_index(data: BytesLike, where: str) -> Index:
    """Read an index; the result views `data`, which must not change any more.

    `where` names the index in messages. Raises `IndexFormatError` for everything casync
    refuses.
    """
    check_length(len(data), where)
    flags, sizes = parse_header(data, where)
    count, rest = divmod(len(data) - BEGINNING, ROW.itemsize)
    rows: NDArray[Any] = np.frombuffer(data, ROW, count, BEGINNING)
    checker = RowChecker(sizes.maximum, where)
    for at in range(0, count - 1, _BLOCK):
        checker.check(rows[at : min(at + _BLOCK, count - 1)])
    checker.finish(rows[-1:], rest)
    return Index(flags, sizes, rows["end"][:-1], rows["id"][:-1])


def check_length(length: int, where: str) -> None:
    """Raise `IndexFormatError` where a file of `length` bytes is too short for an index."""
    if length < _SHORTEST:
        raise IndexFormatError(
            f"{where}: an index has at least {_SHORTEST} bytes, this one {length}; "
            "it is truncated or not an index"
        )


def serialize_index(index: Index) -> bytes:
    """Return the bytes of an index file; those it was read from, if it was read."""
    return b"".join(index_pieces(index))


def index_pieces(index: Index) -> Iterator[bytes]:
    """Yield what `serialize_index` returns, about a megabyte at a time."""
    yield index_header(index.flags, index.sizes)
    for at in range(0, len(index), _BLOCK):
        last = min(at + _BLOCK, len(index))
        yield index_rows(index.ends_between(at, last), index.ids_between(at, last))
    yield index_tail(len(index))


def index_header(flags: int, sizes: ChunkSizes) -> bytes:
    """Return the 64 bytes before the first row."""
    return _HEADER.pack(
        _INDEX_ELEMENT_SIZE,
        _INDEX_TYPE,
        flags,
        sizes.minimum,
        sizes.average,
        sizes.maximum,
        _OPEN_ENDED,
        _TABLE_TYPE,
    )


def index_rows(ends: NDArray[np.uint64], ids: NDArray[np.uint8]) -> bytes:
    """Return the rows of some chunks: `ends` of shape (k,) and `ids` of shape (k, 32)."""
    rows = np.empty(len(ends), ROW)
    rows["end"] = ends
    rows["id"] = ids
    return rows.tobytes()


def index_tail(count: int) -> bytes:
    """Return the 40 bytes after the last of `count` rows."""
    table = 16 + ROW.itemsize * count + _TAIL.size
    return _TAIL.pack(0, 0, _INDEX_ELEMENT_SIZE, table, _TAIL_MARKER)


def parse_header(data: BytesLike, where: str) -> tuple[int, ChunkSizes]:
    """Return feature flags and sizes by the first `BEGINNING` bytes; raises `IndexFormatError`."""
    size, kind, flags, minimum, average, maximum, table_size, table = _HEADER.unpack_from(data)
    expected = (
        (8, "type", kind, _INDEX_TYPE),
        (0, "size", size, _INDEX_ELEMENT_SIZE),
        (56, "table type", table, _TABLE_TYPE),
        (48, "table size", table_size, _OPEN_ENDED),
    )
    for offset, name, value, right in expected:
        if value != right:
            raise IndexFormatError(
                f"{where}: the index {name} at byte {offset} is {value:#x}, not {right:#x}"
            )
    problem = flags_problem(flags)
    if problem:
        raise IndexFormatError(f"{where}: {problem}, at byte 16")
    try:
        return flags, ChunkSizes(minimum, average, maximum)
    except ValueError as error:
        raise IndexFormatError(f"{where}: {error}, at byte 24") from error


class RowChecker:
    """Checks all rows of an index, some at a time, and then that the last one is its tail."""

    def __init__(self, maximum: int, where: str) -> None:
        self._maximum = np.uint64(maximum)
        self._where = where
        self._count = 0
        self._end = np.uint64(0)
        self._problem = ""
        """What is wrong with the first wrong row."""
        self._tail: list[int] = []
        """The first row that can only be meant as the tail, and how many are before it."""
        self._tail_at = -1

    def check(self, rows: NDArray[Any]) -> bool:
        """Look at the next rows, of type `ROW`; whether all rows until now are right.

        A row is wrong that has no bytes, goes backwards, or is longer than the maximum. One
        comparison finds all three, since subtraction wraps round. It finds the first such
        row even where later rows wrap back into range: up to it, no end can have passed
        the maximum times the number of rows, far below 2^63.
        """
        if not len(rows):
            return not self._problem
        cells = _cells(rows)
        ends = cells[:, 0].copy()
        lengths = np.empty_like(ends)
        np.subtract(ends[1:], ends[:-1], out=lengths[1:])
        np.subtract(ends[:1], self._end, out=lengths[:1])
        wrong = lengths - np.uint64(1) >= self._maximum
        if not self._problem and wrong.any():
            self._problem = self._row_problem(ends, int(wrong.argmax()))
        self._look_for_tail(cells)
        self._count += len(rows)
        self._end = ends[-1]
        return not self._problem

    def _row_problem(self, ends: NDArray[np.uint64], number: int) -> str:
        start, end = int(ends[number - 1] if number else self._end), int(ends[number])
        position = self._count + number
        place = f"{self._where}: chunk {position} at byte {_row_offset(position)}"
        if end <= start:
            return f"{place} ends at {end}, not after its start {start}"
        return f"{place} has {end - start} bytes, more than the index's maximum of {self._maximum}"

    def _look_for_tail(self, cells: NDArray[np.uint64]) -> None:
        # No chunk ends at 0, and no chunk ID ends with the marker but by intent.
        if self._tail_at < 0:
            tails = np.flatnonzero((cells[:, 0] == 0) | (cells[:, 4] == np.uint64(_TAIL_MARKER)))
            if len(tails):
                self._tail_at = self._count + int(tails[0])
                self._tail = cells[tails[0]].tolist()

    def finish(self, last: NDArray[Any], rest: int) -> None:
        """Take the one row that is left, and how many bytes follow it.

        Raises `IndexFormatError` where that is not the tail, or for the first wrong row.
        """
        if rest or last.tobytes() != index_tail(self._count):
            self._look_for_tail(_cells(last))
            raise IndexFormatError(f"{self._where}: {self._tail_problem(rest)}")
        if self._problem:
            raise IndexFormatError(self._problem)

    def _tail_problem(self, rest: int) -> str:
        at = self._tail_at
        if at < 0:
            offset = _row_offset(self._count + 1)
            return f"no tail after chunk {self._count} at byte {offset}; the index is truncated"
        names = ("first zero", "second zero", "index offset", "table size", "marker")
        right = _TAIL.unpack(index_tail(at))
        for name, value, expected in zip(names, self._tail, right, strict=True):
            if value != expected:
                return (
                    f"the tail after {at} chunks, at byte {_row_offset(at)}, has {value:#x} "
                    f"as its {name}, not {expected:#x}"
                )
        extra = _row_offset(self._count - at) - BEGINNING + rest
        return f"{extra} bytes follow the tail, at byte {_row_offset(at + 1)}"


def _cells(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """View rows as five numbers each; the last three of a tail are its own fields."""
    return rows.view("<u8").reshape(len(rows), -1)


def _row_offset(position: int) -> int:
    """Return where in an index file a row begins."""
    return BEGINNING + ROW.itemsize * position
