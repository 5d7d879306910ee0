"""The resume journal of an extraction as bytes: a header, then sealed records.

The header says which index and which target the journal is about. Each record ends in a seal,
a digest keyed with the seal before it; the header's seal, over random bytes too, is the first
key. A record is therefore valid only in its own journal, after all the records it was written
after: neither a torn or damaged one nor blocks of an older journal, which a file system may bring
back after a power cut, are taken for records.

Numbers are little-endian. A record is its kind (u32), the size of its payload (u32), the payload
and the seal (8 bytes).
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import Final, NamedTuple, TypeAlias

from desync_jobs.core.chunk import BytesLike
from desync_jobs.formats.ranges import MOST_POSITIONS, RANGE_SIZE

MAGIC: Final = b"\x93dsrjnl\n"
VERSION: Final = 1
LIFE_SIZE: Final = 16
SALT_SIZE: Final = 16
SEAL_SIZE: Final = 8

_HEADER: Final = struct.Struct("<8sII32sQQQQqQ16s")
_RECORD: Final = struct.Struct("<II")
_CHANGED: Final = struct.Struct("<q")
_SETTLED: Final = struct.Struct("<Qq")
HEADER_SIZE: Final = _HEADER.size + SEAL_SIZE


class TargetKind(IntEnum):
    """What an extraction writes to."""

    REGULAR = 1
    DEVICE = 2


@dataclass(frozen=True, slots=True)
class TargetIdentity:
    """Which file or device a target is, whatever it is called."""

    kind: TargetKind
    device: int
    """Number of the file system that has the file, 0 where `born` tells files apart; or of
    the device itself."""
    inode: int = 0
    born: int = 0
    """When the file was made, in nanoseconds, 0 if unknown: a later one may get its inode."""
    size: int = 0
    """Of a device. A file has the blob's size while it is written."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a journal is about; a journal about anything else does not fit."""

    index_digest: str
    """SHA-256 of the index file, in hex."""
    positions: int
    blob_size: int
    target: TargetIdentity

    def __post_init__(self) -> None:
        if self.positions > MOST_POSITIONS:
            raise ValueError(f"{self.positions} positions are too many for a journal")


class Started(NamedTuple):
    """A run began."""

    life: bytes
    """16 bytes that change when data may have been lost that was written but not synced."""


class Noted(NamedTuple):
    """Positions are right in the target."""

    changed: int
    """The target's change time then, in nanoseconds."""
    ranges: BytesLike
    """Pairs of u32, first position and count; see `ranges`."""


class Settled(NamedTuple):
    """What was noted before is right in the target after a power cut too."""

    covered: int
    """Where the last record ends that this is true of."""
    changed: int
    """The target's change time before it was synced, in nanoseconds."""


class Stopped(NamedTuple):
    """A run ended in order, and nothing of it writes to the target any more."""

    changed: int
    """The target's change time, in nanoseconds."""


class Doubted(NamedTuple):
    """Nothing noted before is to be believed."""


Record: TypeAlias = Started | Noted | Settled | Stopped | Doubted

_KINDS: Final[Sequence[type[Record]]] = (Started, Noted, Settled, Stopped, Doubted)
"""A record's kind is its place here, from 1."""


def serialize_header(subject: Subject, salt: bytes) -> bytes:
    """Return a header; `salt` is random and makes the seals of this journal its own."""
    target = subject.target
    plain = _HEADER.pack(
        MAGIC,
        VERSION,
        target.kind,
        bytes.fromhex(subject.index_digest),
        subject.positions,
        subject.blob_size,
        target.device,
        target.inode,
        target.born,
        target.size,
        salt,
    )
    return plain + _seal(plain, b"")


def parse_header(data: BytesLike) -> Subject | None:
    """Return what a journal is about; None for damage, another version and what is no journal."""
    view = memoryview(data)
    plain = view[: _HEADER.size]
    if len(view) < HEADER_SIZE or _seal(plain, b"") != seal_before(view, HEADER_SIZE):
        return None
    magic, version, kind, digest, positions, blob_size, *identity, _ = _HEADER.unpack(plain)
    if (magic, version) != (MAGIC, VERSION):
        return None
    try:
        target = TargetIdentity(TargetKind(kind), *identity)
        return Subject(digest.hex(), positions, blob_size, target)
    except ValueError:
        return None


def seal_before(data: BytesLike, end: int) -> bytes:
    """Return the seal of the header or record that ends at `end`."""
    return bytes(memoryview(data)[end - SEAL_SIZE : end])


def serialize_record(record: Record, previous: bytes) -> bytes:
    """Return `record` as it stands after what has the seal `previous`."""
    payload = _payload(record)
    plain = _RECORD.pack(_KINDS.index(type(record)) + 1, len(payload)) + payload
    return plain + _seal(plain, previous)


def read_records(data: BytesLike) -> Iterator[tuple[int, Record]]:
    """Yield where each record ends, and the record; stops at the first that is not whole."""
    view = memoryview(data)
    begin = HEADER_SIZE
    previous = seal_before(view, begin)
    while begin + _RECORD.size <= len(view):
        kind, size = _RECORD.unpack_from(view, begin)
        sealed = begin + _RECORD.size + size
        end = sealed + SEAL_SIZE
        seal = bytes(view[sealed:end])
        if end > len(view) or seal != _seal(view[begin:sealed], previous):
            return
        record = _record(kind, view[begin + _RECORD.size : sealed])
        if record is None:
            return
        yield end, record
        begin, previous = end, seal


def _payload(record: Record) -> bytes:
    match record:
        case Started(life):
            return life
        case Noted(changed, ranges):
            return b"".join((_CHANGED.pack(changed), ranges))
        case Settled(covered, changed):
            return _SETTLED.pack(covered, changed)
        case Stopped(changed):
            return _CHANGED.pack(changed)
        case Doubted():
            return b""


def _record(kind: int, payload: memoryview) -> Record | None:
    """Return the record, or None where its payload has a size that its kind never has."""
    size = len(payload)
    match kind, size:
        case 1, 16:
            return Started(bytes(payload))
        case 3, 16:
            return Settled(*_SETTLED.unpack(payload))
        case 4, 8:
            return Stopped(*_CHANGED.unpack(payload))
        case 5, 0:
            return Doubted()
        case 2, _ if size % RANGE_SIZE == 0 and size > _CHANGED.size:
            (changed,) = _CHANGED.unpack_from(payload)
            return Noted(changed, payload[_CHANGED.size :])
        case _:
            return None


def _seal(plain: BytesLike, previous: bytes) -> bytes:
    return blake2b(plain, digest_size=SEAL_SIZE, key=previous).digest()
