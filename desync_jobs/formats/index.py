"""Indexes (`.caibx`, `.caidx`): the ordered chunks of a blob, as arrays.

An index file is a header, one 40-byte row for each chunk (where it ends in the
blob, and its ID) and a tail of the size of a row, all little-endian. What is parsed here is viewed
where it is, and checked in blocks, with a few hundred kilobytes beside it; `index_reading` reads
a file in blocks and keeps chunks that repeat once.

What casync refuses is refused: trailing bytes, flags out of their normal form,
chunks without bytes, and every field that could have another value. Chunks
below the minimum are accepted, as both programs do.
"""

from collections.abc import Iterator
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import CHUNK_ID_SIZE, BytesLike, ChunkID, DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.formats.flags import flags_algorithm
from desync_jobs.formats.index_checking import RowChecker
from desync_jobs.formats.index_layout import (
    BEGINNING,
    ROW,
    check_length,
    index_header,
    index_rows,
    index_tail,
    parse_header,
)
from desync_jobs.formats.rows import PlainRows, Positions, Rows
from desync_jobs.formats.unique import distinct_chunks

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
