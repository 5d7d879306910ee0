"""The casync protocol: messages between a client and a server over a pair of pipes.

Each message is a frame: u64 size with the 16 bytes of its header, u64 type, body; all numbers
little-endian. Source: casync's `caremote` and `caprotocol.h`, as told in its documentation and
seen on the wire. What casync refuses is refused, with the rule that was broken.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final, TypeAlias

from desync_jobs.core.chunk import CHUNK_ID_SIZE, BytesLike, ChunkID
from desync_jobs.errors import InvalidDataError

HEADER_SIZE: Final = 16
FRAME_LIMIT: Final = 16 << 20
"""Bytes of the largest frame, header included."""
REQUEST_CHUNKS: Final = (65536 - HEADER_SIZE - 8) // CHUNK_ID_SIZE
"""The most IDs in one request: casync sends no more than 64 KiB in one."""
FRAGMENT_SIZE: Final = 65536
"""Bytes of an index or archive in one message, as casync sends them."""
CHUNK_LIMIT: Final = FRAME_LIMIT - HEADER_SIZE - 8 - CHUNK_ID_SIZE
"""Stored bytes of the largest chunk that fits a frame."""

_HEADER: Final = struct.Struct("<QQ")
_NUMBER: Final = struct.Struct("<Q")
_KNOWN_FLAGS: Final = 0x1FFF
_CODE_LIMIT: Final = (1 << 31) - 1
_PRIORITY: Final = 1
_COMPRESSED: Final = 1


class MessageType(IntEnum):
    """What a frame is."""

    HELLO = 0x3C71D0948CA5FBEE
    INDEX = 0xB32A91DD2B3E27F8
    INDEX_EOF = 0x4F0932F1043718F5
    ARCHIVE = 0x95D6428A69EDDCC5
    ARCHIVE_EOF = 0x450BEF663F24CBAD
    REQUEST = 0x8AB427E0F89D9210
    CHUNK = 0x5213DD180A84BC8C
    MISSING = 0xD010F9FAC82B7B6C
    GOODBYE = 0xAD205DBF1A3686C3
    ABORT = 0xE7D9136B7EFEA352


class Feature(IntFlag):
    """What a side offers and what it wants, told in its HELLO."""

    READABLE_STORE = 0x1
    WRITABLE_STORE = 0x2
    READABLE_INDEX = 0x4
    WRITABLE_INDEX = 0x8
    READABLE_ARCHIVE = 0x10
    WRITABLE_ARCHIVE = 0x20
    PULL_CHUNKS = 0x40
    PULL_INDEX = 0x80
    PULL_ARCHIVE = 0x100
    PUSH_CHUNKS = 0x200
    PUSH_INDEX = 0x400
    PUSH_INDEX_CHUNKS = 0x800
    PUSH_ARCHIVE = 0x1000


class WireFormatError(InvalidDataError):
    """A message breaks a rule of the protocol."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of both sides."""

    features: Feature


@dataclass(frozen=True, slots=True)
class Request:
    """A client asks for chunks, at least one."""

    ids: tuple[ChunkID, ...]
    urgent: bool
    """Whether somebody waits for them."""


@dataclass(frozen=True, slots=True)
class ChunkData:
    """A chunk that was asked for."""

    id: ChunkID
    data: bytes
    compressed: bool


@dataclass(frozen=True, slots=True)
class ChunkAbsent:
    """A chunk that was asked for is not there."""

    id: ChunkID


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of an index or an archive; without data, its end."""

    kind: MessageType
    data: bytes


@dataclass(frozen=True, slots=True)
class Goodbye:
    """A side has no more to say."""


@dataclass(frozen=True, slots=True)
class Abort:
    """A side gives up."""

    code: int
    """An `errno`, or 0."""
    reason: str


Message: TypeAlias = Hello | Request | ChunkData | ChunkAbsent | Fragment | Goodbye | Abort


def parse_frame_header(header: BytesLike) -> tuple[MessageType, int]:
    """Return type and body length of a frame from its first 16 bytes; `WireFormatError`."""
    size, number = _HEADER.unpack(header)
    if not HEADER_SIZE <= size <= FRAME_LIMIT:
        raise WireFormatError(f"a message of {size} bytes; 16 to {FRAME_LIMIT} are possible")
    try:
        kind = MessageType(number)
    except ValueError:
        raise WireFormatError(f"a message of the unknown type {number:#x}") from None
    return kind, size - HEADER_SIZE


def parse_body(kind: MessageType, body: BytesLike) -> Message:
    """Return the message of a frame; `WireFormatError` where its body breaks a rule."""
    parse = _PARSERS.get(kind)
    return _parse_fragment(kind, body) if parse is None else parse(body)


def _parse_hello(body: BytesLike) -> Hello:
    _check(MessageType.HELLO, len(body) == _NUMBER.size, body)
    (flags,) = _NUMBER.unpack(body)
    if flags == 0 or flags & ~_KNOWN_FLAGS:
        raise WireFormatError(f"a HELLO with the features {flags:#x}")
    return Hello(Feature(flags))


def _parse_request(body: BytesLike) -> Request:
    count, rest = divmod(len(body) - _NUMBER.size, CHUNK_ID_SIZE)
    _check(MessageType.REQUEST, count >= 1 and rest == 0, body)
    (flags,) = _NUMBER.unpack(body[: _NUMBER.size])
    starts = range(_NUMBER.size, len(body), CHUNK_ID_SIZE)
    ids = tuple(bytes(body[start : start + CHUNK_ID_SIZE]) for start in starts)
    return Request(ids, bool(flags & _PRIORITY))


def _parse_chunk(body: BytesLike) -> ChunkData:
    begin = _NUMBER.size + CHUNK_ID_SIZE
    _check(MessageType.CHUNK, len(body) > begin, body)
    (flags,) = _NUMBER.unpack(body[: _NUMBER.size])
    chunk_id = bytes(body[_NUMBER.size : begin])
    return ChunkData(chunk_id, bytes(body[begin:]), bool(flags & _COMPRESSED))


def _parse_abort(body: BytesLike) -> Abort:
    whole = len(body) > _NUMBER.size and body[-1] == 0
    _check(MessageType.ABORT, whole, body)
    (code,) = _NUMBER.unpack(body[: _NUMBER.size])
    reason = bytes(body[_NUMBER.size : -1]).decode("utf-8", "replace")
    if code >= _CODE_LIMIT:
        raise WireFormatError(f"an ABORT with the code {code}")
    return Abort(code, "".join(one if one.isprintable() else "?" for one in reason))


def _parse_missing(body: BytesLike) -> ChunkAbsent:
    _check(MessageType.MISSING, len(body) == CHUNK_ID_SIZE, body)
    return ChunkAbsent(bytes(body))


def _parse_goodbye(body: BytesLike) -> Goodbye:
    _check(MessageType.GOODBYE, len(body) == 0, body)
    return Goodbye()


def _parse_fragment(kind: MessageType, body: BytesLike) -> Fragment:
    ends = kind in (MessageType.INDEX_EOF, MessageType.ARCHIVE_EOF)
    _check(kind, (len(body) == 0) == ends, body)
    return Fragment(kind, bytes(body))


def _check(kind: MessageType, right: object, body: BytesLike) -> None:
    if not right:
        raise WireFormatError(f"a {kind.name} message with a body of {len(body)} bytes")


_PARSERS: Final[Mapping[MessageType, Callable[[BytesLike], Message]]] = {
    MessageType.HELLO: _parse_hello,
    MessageType.REQUEST: _parse_request,
    MessageType.CHUNK: _parse_chunk,
    MessageType.MISSING: _parse_missing,
    MessageType.GOODBYE: _parse_goodbye,
    MessageType.ABORT: _parse_abort,
}


def hello(features: Feature) -> bytes:
    """Return the frame of a HELLO."""
    return _frame(MessageType.HELLO, _NUMBER.pack(features))


def request(ids: Sequence[ChunkID]) -> bytes:
    """Return the frame of an urgent request for `ids`, 1 to `REQUEST_CHUNKS`."""
    if not 1 <= len(ids) <= REQUEST_CHUNKS:
        raise ValueError(f"a request for {len(ids)} chunks")
    return _frame(MessageType.REQUEST, _NUMBER.pack(_PRIORITY), *ids)


def chunk(chunk_id: ChunkID, data: bytes) -> bytes:
    """Return the frame of a compressed chunk of 1 to `CHUNK_LIMIT` stored bytes."""
    if not 1 <= len(data) <= CHUNK_LIMIT:
        raise ValueError(f"a chunk of {len(data)} bytes")
    return _frame(MessageType.CHUNK, _NUMBER.pack(_COMPRESSED), chunk_id, data)


def missing(chunk_id: ChunkID) -> bytes:
    """Return the frame that says a chunk is not there."""
    return _frame(MessageType.MISSING, chunk_id)


def fragment(kind: MessageType, data: bytes) -> bytes:
    """Return the frame of a part of an index or archive, or of its end, which has no data."""
    return _frame(kind, data)


def goodbye() -> bytes:
    """Return the frame of a GOODBYE."""
    return _frame(MessageType.GOODBYE)


def abort(code: int, reason: str) -> bytes:
    """Return the frame of an ABORT; control characters of `reason` are left out."""
    text = "".join(one if one.isprintable() else " " for one in reason)
    return _frame(MessageType.ABORT, _NUMBER.pack(code), text.encode(), b"\0")


def _frame(kind: MessageType, *parts: bytes) -> bytes:
    size = HEADER_SIZE + sum(map(len, parts))
    return b"".join((_HEADER.pack(size, kind), *parts))
