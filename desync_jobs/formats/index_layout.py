"""How the bytes of an index file lie: header, rows and tail, all little-endian."""

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import CHUNK_ID_SIZE, BytesLike
from desync_jobs.core.sizes import ChunkSizes
from desync_jobs.errors import IndexFormatError
from desync_jobs.formats.flags import flags_problem

_HEADER: Final = struct.Struct("<8Q")
TAIL: Final = struct.Struct("<5Q")
ROW: Final = np.dtype([("end", "<u8"), ("id", "u1", (CHUNK_ID_SIZE,))])
"""A row of an index file."""

_INDEX_TYPE: Final = 0x96824D9C7B129FF9
_TABLE_TYPE: Final = 0xE75B9E112F17417D
TAIL_MARKER: Final = 0x4B4F050E5549ECD1
_INDEX_ELEMENT_SIZE: Final = 48
_OPEN_ENDED: Final = (1 << 64) - 1
"""The table's size as its header says it; the tail has the real one."""
_SHORTEST: Final = _HEADER.size + TAIL.size

BEGINNING: Final = _HEADER.size
"""Bytes that say whether a file is an index at all."""


def check_length(length: int, where: str) -> None:
    """Raise `IndexFormatError` where a file of `length` bytes is too short for an index."""
    if length < _SHORTEST:
        raise IndexFormatError(
            f"{where}: an index has at least {_SHORTEST} bytes, this one {length}; "
            "it is truncated or not an index"
        )


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
    table = 16 + ROW.itemsize * count + TAIL.size
    return TAIL.pack(0, 0, _INDEX_ELEMENT_SIZE, table, TAIL_MARKER)


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


def row_offset(position: int) -> int:
    """Return where in an index file a row begins."""
    return BEGINNING + ROW.itemsize * position
