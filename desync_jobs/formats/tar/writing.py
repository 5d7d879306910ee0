"""Members of a tar stream to their headers, in GNU's format and in that of POSIX.

POSIX's says in an extended header what its fields cannot hold, with the keywords of star that GNU
tar and bsdtar know; GNU's has blocks for long names, and binary numbers. Nothing in a header
depends on anything but the member.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from desync_jobs.formats.tar.header import BLOCK, ZEROS
from desync_jobs.formats.tar.pax import Records, format_records, format_time

END: Final = 2 * ZEROS
"""What every stream ends with."""

OWNER_LIMIT: Final = 31
"""Bytes of the longest name of an owner in a header; one is left for a NUL."""

_SECOND: Final = 1_000_000_000
_NAME: Final = 100
_LONG_NAME: Final = "././@LongLink"
_SMALL_DIGITS: Final = 7
_LARGE_DIGITS: Final = 11


class TarFormat(Enum):
    """Whose format a stream has; the value is its name in manifests."""

    PAX = "pax"
    GNU = "gnu"


@dataclass(frozen=True, slots=True)
class Fields:
    """What a member's headers are to say."""

    path: bytes
    kind: bytes
    """The type flag, one byte."""
    mode: int
    uid: int = 0
    gid: int = 0
    user: bytes = b""
    group: bytes = b""
    mtime_ns: int = 0
    size: int = 0
    target: bytes = b""
    major: int = 0
    minor: int = 0
    records: Records = field(default_factory=list)
    """What only an extended header can say."""


def headers(fields: Fields, form: TarFormat) -> bytes:
    """Return everything that stands before a member's content.

    GNU's format has no records, and rounds the time down to a second.
    """
    return _WRITERS[form](fields)


def padding(size: int) -> bytes:
    """Return the zeros after content of so many bytes."""
    return bytes(-size % BLOCK)


def _pax(fields: Fields) -> bytes:
    records: Records = []
    texts = (("path", fields.path, _NAME), ("linkpath", fields.target, _NAME))
    owners = (("uname", fields.user, OWNER_LIMIT), ("gname", fields.group, OWNER_LIMIT))
    for keyword, text, most in (*texts, *owners):
        if len(text) > most:
            records.append((keyword.encode(), text))
    if records and not all(map(_is_utf8, (fields.path, fields.target))):
        records.insert(0, (b"hdrcharset", b"BINARY"))
    seconds, fraction = divmod(fields.mtime_ns, _SECOND)
    if fraction or not _fits(seconds, _LARGE_DIGITS):
        records.append((b"mtime", format_time(fields.mtime_ns)))
    numbers = (("uid", fields.uid, _SMALL_DIGITS), ("gid", fields.gid, _SMALL_DIGITS))
    for keyword, value, digits in (*numbers, ("size", fields.size, _LARGE_DIGITS)):
        if not _fits(value, digits):
            records.append((keyword.encode(), b"%d" % value))
    records += fields.records
    header = _header(fields, b"ustar\x0000", _clipped)
    if not records:
        return header
    data = format_records(records)
    name = b"PaxHeaders/" + fields.path.rstrip(b"/").rpartition(b"/")[2]
    before = Fields(name, b"x", 0o644, size=len(data))
    return _header(before, b"ustar\x0000", _clipped) + data + padding(len(data)) + header


def _gnu(fields: Fields) -> bytes:
    long = [(b"K", fields.target), (b"L", fields.path)]
    before = b"".join(_long(kind, text) for kind, text in long if len(text) > _NAME)
    return before + _header(fields, b"ustar  \0", _binary)


def _long(kind: bytes, text: bytes) -> bytes:
    data = text + b"\0"
    fields = Fields(_LONG_NAME.encode(), kind, 0o644, size=len(data))
    return _header(fields, b"ustar  \0", _binary) + data + padding(len(data))


_WRITERS: Final[Mapping[TarFormat, Callable[[Fields], bytes]]] = MappingProxyType(
    {TarFormat.PAX: _pax, TarFormat.GNU: _gnu}
)
_Number = Callable[[int, int], bytes]
"""The field of a number that has so many octal digits and one byte more."""


def _header(fields: Fields, magic: bytes, number: _Number) -> bytes:
    # Numbers of devices always fit; of anything else they are zeros.
    block = b"".join(
        (
            fields.path[:_NAME].ljust(_NAME, b"\0"),
            number(fields.mode, _SMALL_DIGITS),
            number(fields.uid, _SMALL_DIGITS),
            number(fields.gid, _SMALL_DIGITS),
            number(fields.size, _LARGE_DIGITS),
            number(fields.mtime_ns // _SECOND, _LARGE_DIGITS),
            b" " * 8,
            fields.kind,
            fields.target[:_NAME].ljust(_NAME, b"\0"),
            magic,
            fields.user[:OWNER_LIMIT].ljust(OWNER_LIMIT + 1, b"\0"),
            fields.group[:OWNER_LIMIT].ljust(OWNER_LIMIT + 1, b"\0"),
            number(fields.major, _SMALL_DIGITS),
            number(fields.minor, _SMALL_DIGITS),
        )
    ).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _fits(value: int, digits: int) -> bool:
    return 0 <= value < 1 << 3 * digits


def _clipped(value: int, digits: int) -> bytes:
    """Return the nearest number that octal digits can say; an extended header has the right one."""
    return b"%0*o\0" % (digits, min(max(value, 0), (1 << 3 * digits) - 1))


def _binary(value: int, digits: int) -> bytes:
    if _fits(value, digits):
        return b"%0*o\0" % (digits, value)
    data = bytearray(value.to_bytes(digits + 1, "big", signed=True))
    data[0] |= 0x80
    return bytes(data)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
