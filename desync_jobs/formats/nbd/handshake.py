"""The negotiation before the first request."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from desync_jobs.core.chunk import BytesLike
from desync_jobs.formats.nbd.values import (
    MAGIC,
    OPTION_MAGIC,
    OPTION_REPLY_MAGIC,
    STRING_LIMIT,
    ExportFlag,
    Handshake,
    Info,
    NbdFormatError,
    OptionReply,
)

CLIENT_FLAGS_SIZE: Final = 4
OPTION_HEADER_SIZE: Final = 16

_FLAGS: Final = struct.Struct(">I")
_OPTION: Final = struct.Struct(">8sII")
_REPLY: Final = struct.Struct(">QIII")
_EXPORT: Final = struct.Struct(">QH")
_INFO_EXPORT: Final = struct.Struct(">HQH")
_BLOCK_SIZE: Final = struct.Struct(">HIII")
_LENGTH: Final = struct.Struct(">I")
_COUNT: Final = struct.Struct(">H")
_ZEROES: Final = bytes(124)


@dataclass(frozen=True, slots=True)
class WantedExport:
    """What INFO and GO ask for."""

    name: str
    """Empty for the server's default."""
    infos: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WantedContexts:
    """What LIST_META_CONTEXT and SET_META_CONTEXT ask for."""

    name: str
    queries: tuple[str, ...]


def greeting() -> bytes:
    """Return what the server sends first."""
    flags = Handshake.FIXED_NEWSTYLE | Handshake.NO_ZEROES
    return MAGIC + OPTION_MAGIC + _COUNT.pack(flags)


def parse_client_flags(data: BytesLike) -> Handshake:
    """Return what the client answers; `NbdFormatError` where it is not fixed newstyle."""
    (flags,) = _FLAGS.unpack(data)
    known = Handshake.FIXED_NEWSTYLE | Handshake.NO_ZEROES
    if flags & ~int(known) or not flags & Handshake.FIXED_NEWSTYLE:
        raise NbdFormatError(f"a client with the handshake flags {flags:#x}")
    return Handshake(flags)


def parse_option_header(data: BytesLike) -> tuple[int, int]:
    """Return the number of an option, known or not, and the length of its data."""
    magic, option, length = _OPTION.unpack(data)
    if magic != OPTION_MAGIC:
        raise NbdFormatError(f"an option with the magic number {magic.hex()}")
    return option, length


def parse_export_name(data: BytesLike) -> str:
    """Return the name that EXPORT_NAME asks for."""
    return _Parts(data).rest_as_string()


def parse_wanted_export(data: BytesLike) -> WantedExport:
    """Return what the data of INFO or GO ask for."""
    parts = _Parts(data)
    name = parts.string()
    infos = tuple(parts.number(_COUNT) for _ in range(parts.number(_COUNT)))
    parts.end()
    return WantedExport(name, infos)


def parse_wanted_contexts(data: BytesLike) -> WantedContexts:
    """Return what the data of LIST_META_CONTEXT or SET_META_CONTEXT ask for."""
    parts = _Parts(data)
    name = parts.string()
    # No count is believed: each query takes four bytes of the data, or there is none.
    queries = tuple(parts.string() for _ in range(parts.number(_LENGTH)))
    parts.end()
    return WantedContexts(name, queries)


def export_reply(size: int, flags: ExportFlag, *, zeroes: bool) -> bytes:
    """Return the answer to EXPORT_NAME, with the padding that old clients want."""
    return _EXPORT.pack(size, flags) + (_ZEROES if zeroes else b"")


def option_reply(option: int, reply: OptionReply, data: bytes = b"") -> bytes:
    """Return an answer to an option."""
    return _REPLY.pack(OPTION_REPLY_MAGIC, option, reply, len(data)) + data


def server_data(name: str) -> bytes:
    """Return the data of a SERVER reply, which tells of one export."""
    return _string(name)


def context_data(number: int, name: str) -> bytes:
    """Return the data of a META_CONTEXT reply."""
    return _LENGTH.pack(number) + name.encode()


def info_export(size: int, flags: ExportFlag) -> bytes:
    """Return the data of an INFO reply: size and abilities."""
    return _INFO_EXPORT.pack(Info.EXPORT, size, flags)


def info_text(info: Info, text: str) -> bytes:
    """Return the data of an INFO reply: name or description."""
    return _COUNT.pack(info) + text.encode()


def info_block_size(minimum: int, preferred: int, maximum: int) -> bytes:
    """Return the data of an INFO reply: how long requests should be."""
    return _BLOCK_SIZE.pack(Info.BLOCK_SIZE, minimum, preferred, maximum)


def selected(queries: Sequence[str], context: str, *, every: bool) -> bool:
    """Tell whether `queries` select `context`; a list of contexts may ask for all of a kind.

    `every` says that it is such a list, in which no query at all means all contexts.
    """
    namespace = context.partition(":")[0] + ":"
    return context in queries or (every and (not queries or namespace in queries))


def _string(text: str) -> bytes:
    data = text.encode()
    return _LENGTH.pack(len(data)) + data


class _Parts:
    """Takes the data of an option apart."""

    def __init__(self, data: BytesLike) -> None:
        self._rest = memoryview(data)

    def number(self, form: struct.Struct) -> int:
        value: int = form.unpack(self._taken(form.size))[0]
        return value

    def string(self) -> str:
        return _text(self._taken(self.number(_LENGTH)))

    def rest_as_string(self) -> str:
        return _text(self._taken(len(self._rest)))

    def end(self) -> None:
        if self._rest:
            raise NbdFormatError(f"an option with {len(self._rest)} bytes too many")

    def _taken(self, size: int) -> memoryview:
        if size > len(self._rest):
            raise NbdFormatError(f"an option that lacks {size - len(self._rest)} bytes")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _text(data: memoryview) -> str:
    if len(data) > STRING_LIMIT:
        raise NbdFormatError(f"a string of {len(data)} bytes; {STRING_LIMIT} are possible")
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError:
        raise NbdFormatError("a string that is not UTF-8") from None
    if "\0" in text:
        raise NbdFormatError("a string with a NUL in it")
    return text
