"""The resume journal of an extraction as bytes: a header, then sealed records.

The header says which index and which target the journal is about. The header and each record
end in a seal: a digest of it and of the seal before it. The header has random bytes too, so
a record is valid only in its own journal and after all that it was written after: neither
what is torn or damaged nor blocks of an older journal, which a file system may bring back
after a power cut, are taken for records.

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
VERSION: Final = 2
LIFE_SIZE: Final = 16
SALT_SIZE: Final = 16
NAME_SIZE: Final = 16
SEAL_SIZE: Final = 8

_HEADER: Final = struct.Struct("<8sII32sQQQQqQ16s16s")
_RECORD: Final = struct.Struct("<II")
_CHANGED: Final = struct.Struct("<q")
_SETTLED: Final = struct.Struct("<Qq")
HEADER_SIZE: Final = _HEADER.size + SEAL_SIZE


class TargetKind(IntEnum):
    """What an extraction writes to."""

    REGULAR = 1
    DEVICE = 2
    """Known by its number, which another device may have after the next boot."""
    NAMED_DEVICE = 3
    """Known by what it says of itself."""


@dataclass(frozen=True, slots=True)
class TargetIdentity:
    """Which file or device a target is, whatever it is called."""

    kind: TargetKind
    device: int
    """Number of the file system that has the file, 0 where `born` tells files apart; or of
    the device itself, 0 where `name` tells devices apart."""
    inode: int = 0
    born: int = 0
    """When the file was made, in nanoseconds, 0 if unknown: a later one may get its inode."""
    size: int = 0
    """Of a device. A file has the blob's size while it is written."""
    name: bytes = bytes(NAME_SIZE)
    """Of a named device: a digest of what identifies it."""


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

_NOTED: Final = 2


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
        target.name,
        salt,
    )
    return plain + _seal(plain)


def parse_header(data: BytesLike) -> Subject | None:
    """Return what a journal is about; None for damage, another version and what is no journal."""
    view = memoryview(data)
    plain = view[: _HEADER.size]
    if len(view) < HEADER_SIZE or _seal(plain) != seal_before(view, HEADER_SIZE):
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
    return plain + _seal(previous + plain)


def read_records(data: BytesLike) -> Iterator[tuple[int, Record]]:
    """Yield where each record ends, and the record; stops at the first that is not whole."""
    whole = bytes(data)  # its slices cost least, and a record takes several
    begin = HEADER_SIZE
    while begin + _RECORD.size <= len(whole):
        kind, size = _RECORD.unpack_from(whole, begin)
        payload = begin + _RECORD.size
        sealed = payload + size
        end = sealed + SEAL_SIZE
        # The seal before a record is what stands before it.
        if whole[sealed:end] != _seal(whole[begin - SEAL_SIZE : sealed]):
            return
        record = _record(kind, whole[payload:sealed])
        if record is None:
            return
        yield end, record
        begin = end


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


def _record(kind: int, payload: bytes) -> Record | None:
    """Return the record, or None where its payload has a size that its kind never has."""
    size = len(payload)
    if kind == _NOTED:  # nearly all are
        ranged = size > _CHANGED.size and size % RANGE_SIZE == 0
        return Noted(_CHANGED.unpack_from(payload)[0], payload[_CHANGED.size :]) if ranged else None
    match kind, size:
        case 1, 16:
            return Started(payload)
        case 3, 16:
            return Settled(*_SETTLED.unpack(payload))
        case 4, 8:
            return Stopped(*_CHANGED.unpack(payload))
        case 5, 0:
            return Doubted()
        case _:
            return None


def _seal(sealed: BytesLike) -> bytes:
    return blake2b(sealed, digest_size=SEAL_SIZE).digest()
