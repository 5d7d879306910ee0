"""Which chunks of a blob are in a file that it is copied to as it is read.

A magic number, the header of a resume journal, which says of which index and which file this is,
one bit for each position of the index (the lowest bit of a byte first), and a digest of all that.
desync keeps the bits alone, which say neither.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import BytesLike
from desync_jobs.formats.journal import (
    HEADER_SIZE,
    SALT_SIZE,
    Subject,
    parse_header,
    serialize_header,
)

_MAGIC: Final = b"\x93dsrcor\n"
_SEAL: Final = 16
_BITS: Final = len(_MAGIC) + HEADER_SIZE
"""Where the bits begin."""


@dataclass(frozen=True, slots=True, eq=False)
class Copied:
    """What is in which file."""

    subject: Subject
    marks: NDArray[np.bool_]
    """For each position of the index whether its chunk is there."""


def serialize_copied(copied: Copied) -> bytes:
    """Return the bytes of a state."""
    header = serialize_header(copied.subject, bytes(SALT_SIZE))
    plain = _MAGIC + header + np.packbits(copied.marks, bitorder="little").tobytes()
    return plain + _seal(plain)


def parse_copied(data: BytesLike) -> Copied | None:
    """Return what a state says; None for damage and for whatever is no state."""
    whole = bytes(data)
    plain, seal = whole[:-_SEAL], whole[-_SEAL:]
    if not plain.startswith(_MAGIC) or _seal(plain) != seal:
        return None
    subject = parse_header(plain[len(_MAGIC) : _BITS])
    marks = None if subject is None else parse_bits(plain[_BITS:], subject.positions)
    return None if subject is None or marks is None else Copied(subject, marks)


def parse_bits(data: BytesLike, count: int) -> NDArray[np.bool_] | None:
    """Return which of `count` positions have their bit set; None where `data` is not as long."""
    if len(data) != bits_size(count):
        return None
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count, bitorder="little")
    return bits.view(np.bool_)


def bits_size(count: int) -> int:
    """Return how many bytes the bits of `count` positions take."""
    return -(-count // 8)


def copied_size(count: int) -> int:
    """Return how many bytes a state about `count` positions has."""
    return _BITS + bits_size(count) + _SEAL


def _seal(plain: BytesLike) -> bytes:
    return blake2b(plain, digest_size=_SEAL).digest()
