"""Marks: which chunk files of a store were found to be garbage, and since when.

The file is the line `desync-run marks 1`, u64 count, that many u64 keys in ascending order, that
many f64 times (seconds since 1970), and the SHA-256 of all that; numbers are little-endian. A key
is the first 8 bytes of a chunk's ID as a big-endian number, the last bit of which says whether the
chunk is compressed.
"""

import hashlib
import struct
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from desync_jobs.errors import InvalidDataError

_MAGIC: Final = b"desync-run marks 1\n"
_COUNT: Final = struct.Struct("<Q")
_SEAL: Final = 32
_EACH: Final = 16
SIZE_LIMIT: Final = 1 << 31
"""Bytes of marks that are read: a hundred million of them."""

Keys: TypeAlias = NDArray[np.uint64]


class Marks(NamedTuple):
    """Keys in ascending order, each once, and since when each is garbage; of the same length."""

    keys: Keys
    since: NDArray[np.float64]


NO_MARKS: Final = Marks(np.empty(0, np.uint64), np.empty(0, np.float64))


def prefixes(ids: NDArray[np.uint8]) -> Keys:
    """Return the first 8 bytes of each ID, shape (n, 32), as a number."""
    return np.ascontiguousarray(ids[:, :8]).view(">u8").reshape(-1).astype(np.uint64)


def mark_keys(ids: NDArray[np.uint8], compressed: NDArray[np.bool_]) -> Keys:
    """Return the keys of chunk files."""
    return (prefixes(ids) & ~np.uint64(1)) | compressed.astype(np.uint64)


def marks_bytes(marks: Marks) -> bytes:
    """Return the content of a file of marks."""
    data = b"".join(
        (
            _MAGIC,
            _COUNT.pack(len(marks.keys)),
            marks.keys.astype("<u8").tobytes(),
            marks.since.astype("<f8").tobytes(),
        )
    )
    return data + hashlib.sha256(data).digest()


def parse_marks(data: bytes, where: str) -> Marks:
    """Read a file of marks; `InvalidDataError` for what is none, or is damaged."""
    body = data[:-_SEAL]
    begin = len(_MAGIC) + _COUNT.size
    if not data.startswith(_MAGIC) or hashlib.sha256(body).digest() != data[-_SEAL:]:
        raise InvalidDataError(
            f"{where}: damaged, or not written by this program; remove it, and what is garbage is "
            "marked anew"
        )
    (count,) = _COUNT.unpack_from(body, len(_MAGIC))
    if len(body) != begin + _EACH * count:
        raise InvalidDataError(f"{where}: has another length than it says; remove it")
    keys = np.frombuffer(body, "<u8", count, begin).astype(np.uint64)
    since = np.frombuffer(body, "<f8", count, begin + 8 * count).astype(np.float64)
    return Marks(keys, since)
