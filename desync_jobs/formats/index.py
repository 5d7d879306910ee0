"""Indexes (`.caibx`, `.caidx`): the ordered chunks of a blob, as arrays.

An index file is a header, one 40-byte row for each chunk (where it ends in the
blob, and its ID) and a tail of the size of a row, all little-endian. `Index`
views the rows where they are, so ten million chunks cost no copy, and they are
checked in blocks, with a few hundred kilobytes beside them.

What casync refuses is refused: trailing bytes, flags out of their normal form,
chunks without bytes, and every field that could have another value. Chunks
below the minimum are accepted, as both programs do.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import CHUNK_ID_SIZE, BytesLike, ChunkID, DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.errors import IndexFormatError
from desync_jobs.formats.flags import flags_algorithm, flags_problem

_HEADER: Final = struct.Struct("<8Q")
_TAIL: Final = struct.Struct("<5Q")
_ROW: Final = np.dtype([("end", "<u8"), ("id", "u1", (CHUNK_ID_SIZE,))])

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


@dataclass(frozen=True, eq=False, slots=True)
class Index:
    """The chunks of a blob, in order. The arrays are views and are never written to."""

    flags: int
    sizes: ChunkSizes
    ends: NDArray[np.uint64]
    """Where each chunk ends in the blob, in bytes; shape (n,), strictly ascending."""
    ids: NDArray[np.uint8]
    """Chunk IDs; shape (n, 32)."""

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def algorithm(self) -> DigestAlgorithm:
        """The digest that the IDs are made with."""
        return flags_algorithm(self.flags)

    @property
    def blob_size(self) -> int:
        """Bytes of the blob."""
        return int(self.ends[-1]) if len(self.ends) else 0

    @property
    def largest(self) -> int:
        """Bytes of the longest chunk, 0 where there is none; looks at every row."""
        return max((int(lengths.max()) for _, lengths in _lengths(self.ends)), default=0)

    def start(self, position: int) -> int:
        """Return where chunk `position` (0 ≤ position < n) starts in the blob."""
        return int(self.ends[position - 1]) if position else 0

    def end(self, position: int) -> int:
        """Return where chunk `position` ends in the blob."""
        return int(self.ends[position])

    def length(self, position: int) -> int:
        """Return the bytes of chunk `position`."""
        return self.end(position) - self.start(position)

    def id(self, position: int) -> ChunkID:
        """Return the ID of chunk `position`."""
        return bytes(self.ids[position])

    def starts(self) -> NDArray[np.uint64]:
        """Return where each chunk starts; a new array of shape (n,)."""
        starts = np.empty(len(self.ends), np.uint64)
        starts[:1] = 0
        starts[1:] = self.ends[:-1]
        return starts

    def lengths(self) -> NDArray[np.uint64]:
        """Return the bytes of each chunk; a new array of shape (n,)."""
        lengths = self.starts()
        np.subtract(self.ends, lengths, out=lengths)
        return lengths


def parse_index(data: BytesLike, where: str) -> Index:
    """Read an index; the result views `data`, which must not change any more.

    `where` names the index in messages. Raises `IndexFormatError` for everything casync
    refuses.
    """
    if len(data) < _SHORTEST:
        raise IndexFormatError(
            f"{where}: an index has at least {_SHORTEST} bytes, this one {len(data)}; "
            "it is truncated or not an index"
        )
    flags, sizes = _parse_header(data, where)
    count, rest = divmod(len(data) - _SHORTEST, _ROW.itemsize)
    if rest or bytes(data[-_TAIL.size :]) != index_tail(count):
        raise IndexFormatError(f"{where}: {_tail_problem(data)}")
    rows: NDArray[Any] = np.frombuffer(data, _ROW, count, _HEADER.size)
    _check_rows(rows["end"], sizes.maximum, where)
    return Index(flags, sizes, rows["end"], rows["id"])


def check_beginning(data: BytesLike, where: str) -> None:
    """Raise `IndexFormatError` where `data`, at least `BEGINNING` bytes, begins no index.

    Lets a reader refuse what is large and no index before it takes memory for all of it.
    """
    _parse_header(data, where)


def serialize_index(index: Index) -> bytes:
    """Return the bytes of an index file; those it was read from, if it was read."""
    pieces = [index_header(index.flags, index.sizes)]
    pieces += (
        index_rows(index.ends[at : at + _BLOCK], index.ids[at : at + _BLOCK])
        for at in range(0, len(index), _BLOCK)
    )
    pieces.append(index_tail(len(index)))
    return b"".join(pieces)


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
    rows = np.empty(len(ends), _ROW)
    rows["end"] = ends
    rows["id"] = ids
    return rows.tobytes()


def index_tail(count: int) -> bytes:
    """Return the 40 bytes after the last of `count` rows."""
    table = 16 + _ROW.itemsize * count + _TAIL.size
    return _TAIL.pack(0, 0, _INDEX_ELEMENT_SIZE, table, _TAIL_MARKER)


def _parse_header(data: BytesLike, where: str) -> tuple[int, ChunkSizes]:
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


def _lengths(ends: NDArray[np.uint64]) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    """Yield the lengths of the chunks block by block, with the first position of each block.

    Subtraction wraps round: a chunk that ends before it starts is longer than 2^63.
    """
    previous = np.uint64(0)
    for at in range(0, len(ends), _BLOCK):
        block = ends[at : at + _BLOCK].astype(np.uint64)
        lengths = np.empty_like(block)
        np.subtract(block[1:], block[:-1], out=lengths[1:])
        np.subtract(block[:1], previous, out=lengths[:1])
        previous = block[-1]
        yield at, lengths


def _check_rows(ends: NDArray[np.uint64], maximum: int, where: str) -> None:
    """Raise for the first chunk that has no bytes, goes backwards, or is longer than `maximum`.

    One comparison finds all three, since 0 - 1 wraps round too. It finds the first such
    row even where later rows wrap back into range: up to it, no end can have passed
    `maximum` times the number of rows, far below 2^63.
    """
    for at, lengths in _lengths(ends):
        wrong = lengths - np.uint64(1) >= np.uint64(maximum)
        if not wrong.any():
            continue
        position = at + int(wrong.argmax())
        start, end = (int(ends[position - 1]) if position else 0), int(ends[position])
        place = f"{where}: chunk {position} at byte {_HEADER.size + _ROW.itemsize * position}"
        if end <= start:
            raise IndexFormatError(f"{place} ends at {end}, not after its start {start}")
        raise IndexFormatError(
            f"{place} has {end - start} bytes, more than the index's maximum of {maximum}"
        )


def _tail_problem(data: BytesLike) -> str:
    """Say what is wrong with an index whose last 40 bytes are not its tail."""
    count = (len(data) - _HEADER.size) // _ROW.itemsize
    cells: NDArray[np.uint64] = np.frombuffer(data, "<u8", 5 * count, _HEADER.size)
    cells = cells.reshape(count, 5)
    # No chunk ends at 0, so the first such cell can only be meant as the tail.
    tails = np.flatnonzero((cells[:, 0] == 0) | (cells[:, 4] == _TAIL_MARKER))
    at = int(tails[0]) if len(tails) else count
    offset = _HEADER.size + _ROW.itemsize * at
    if at == count:
        return f"no tail after chunk {count - 1} at byte {offset}; the index is truncated"
    names = ("first zero", "second zero", "index offset", "table size", "marker")
    right = _TAIL.unpack(index_tail(at))
    for name, value, expected in zip(names, cells[at].tolist(), right, strict=True):
        if value != expected:
            return (
                f"the tail after {at} chunks, at byte {offset}, has {value:#x} as its {name}, "
                f"not {expected:#x}"
            )
    extra = len(data) - offset - _TAIL.size
    return f"{extra} bytes follow the tail, at byte {offset + _TAIL.size}"
