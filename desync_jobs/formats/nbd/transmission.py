"""Requests and replies after the negotiation."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from desync_jobs.core.chunk import BytesLike
from desync_jobs.formats.nbd.values import (
    REQUEST_MAGIC,
    SIMPLE_REPLY_MAGIC,
    STRUCTURED_REPLY_MAGIC,
    Errno,
    NbdFormatError,
    ReplyType,
    State,
)

REQUEST_SIZE: Final = 28

_REQUEST: Final = struct.Struct(">IHHQQI")
_SIMPLE: Final = struct.Struct(">IIQ")
_CHUNK: Final = struct.Struct(">IHHQI")
_OFFSET: Final = struct.Struct(">Q")
_HOLE: Final = struct.Struct(">QI")
_ERROR: Final = struct.Struct(">IH")
_CONTEXT: Final = struct.Struct(">I")
_DESCRIPTOR: Final = struct.Struct(">II")
_DONE: Final = 1
_LONGEST_MESSAGE: Final = 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for."""

    command: int
    """A `Command`, or a number that is none."""
    flags: int
    """`CommandFlag`s, and others."""
    cookie: int
    """What the client calls this request; it stands in every reply."""
    offset: int
    length: int


def parse_request(data: BytesLike) -> Request:
    """Return the request in `REQUEST_SIZE` bytes."""
    magic, flags, command, cookie, offset, length = _REQUEST.unpack(data)
    if magic != REQUEST_MAGIC:
        raise NbdFormatError(f"a request with the magic number {magic:#x}")
    return Request(command, flags, cookie, offset, length)


def simple_reply(cookie: int, error: Errno | None = None) -> bytes:
    """Return a simple reply; the data of a read follow it where there is no error."""
    return _SIMPLE.pack(SIMPLE_REPLY_MAGIC, error or 0, cookie)


def done_chunk(cookie: int) -> bytes:
    """Return the end of a structured reply."""
    return _chunk(ReplyType.NONE, cookie, 0, done=True)


def data_chunk(cookie: int, offset: int, length: int, *, done: bool) -> bytes:
    """Return what comes before `length` bytes that were read from `offset`."""
    size = _OFFSET.size + length
    return _chunk(ReplyType.OFFSET_DATA, cookie, size, done=done) + _OFFSET.pack(offset)


def hole_chunk(cookie: int, offset: int, length: int, *, done: bool) -> bytes:
    """Return a chunk that says there are `length` zeros from `offset` on."""
    body = _HOLE.pack(offset, length)
    return _chunk(ReplyType.OFFSET_HOLE, cookie, len(body), done=done) + body


def status_chunk(cookie: int, context: int, extents: Iterable[tuple[int, State]]) -> bytes:
    """Return a whole reply that tells the lengths and states of extents, at least one."""
    body = _CONTEXT.pack(context) + b"".join(_DESCRIPTOR.pack(*extent) for extent in extents)
    return _chunk(ReplyType.BLOCK_STATUS, cookie, len(body), done=True) + body


def error_chunk(cookie: int, error: Errno, message: str) -> bytes:
    """Return the end of a structured reply that fails."""
    text = message.encode()[:_LONGEST_MESSAGE].decode(errors="ignore").encode()
    body = _ERROR.pack(error, len(text)) + text
    return _chunk(ReplyType.ERROR, cookie, len(body), done=True) + body


def _chunk(kind: ReplyType, cookie: int, length: int, *, done: bool) -> bytes:
    return _CHUNK.pack(STRUCTURED_REPLY_MAGIC, _DONE if done else 0, kind, cookie, length)
