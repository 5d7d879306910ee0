"""The header of a member: 512 bytes to values.

Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar's manual, "Basic Tar Format";
libarchive's tar(5). A number is octal digits, or big-endian where the first bit is set.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from desync_jobs.errors import TarFormatError

BLOCK: Final = 512
"""Everything in a tar stream takes a multiple of these bytes."""
ZEROS: Final = bytes(BLOCK)
"""Two of these are the end of a stream."""
EXTENSIONS: Final = frozenset((b"x", b"X", b"g", b"L", b"K"))
"""Type flags of what only says something about other members; it has a kind, a size and a name."""

_CHECKSUM: Final = slice(148, 156)
_BLANK: Final = 8 * ord(" ")
_OCTAL: Final = b"01234567"
_ENDS: Final = b"\0 "
_USTAR: Final = b"ustar\0"
_GNU: Final = b"ustar  \0"
_XSTAR: Final = b"tar\0"


class Flavour(Enum):
    """Whose header it is."""

    V7 = "v7"
    USTAR = "ustar"
    GNU = "gnu"


@dataclass(frozen=True, slots=True)
class Header:
    """What the header itself says; records before it may say otherwise."""

    flavour: Flavour
    name: bytes
    mode: int
    """The lowest twelve bits of `st_mode`."""
    uid: int
    gid: int
    size: int
    """Bytes of content that follow."""
    mtime: int
    """Seconds since 1970."""
    kind: bytes
    """One byte, the type flag; `0` where it is NUL."""
    target: bytes
    user: bytes
    group: bytes
    major: int
    minor: int
    block: bytes
    """The header's bytes, for what only some kinds have."""


def parse_header(block: bytes) -> Header:
    """Return the header that `block`, of 512 bytes, is; `TarFormatError` where it is none."""
    _check_sum(block)
    kind = block[156:157]
    if kind in EXTENSIONS:
        size = size_of(block[124:136])
        name = text(block[:100])
        return Header(Flavour.V7, name, 0, 0, 0, size, 0, kind, b"", b"", b"", 0, 0, block)
    flavour = _flavour(block)
    name, user, group = text(block[:100]), b"", b""
    major = minor = 0
    if flavour is not Flavour.V7:
        user, group = text(block[265:297]), text(block[297:329])
    if flavour is Flavour.USTAR:
        # star has times where the end of the prefix would be.
        prefix = text(block[345:476] if block.endswith(_XSTAR) else block[345:500])
        name = prefix + b"/" + name if prefix else name
    if kind in b"34":
        major, minor = number(block[329:337], "device"), number(block[337:345], "device")
    return Header(
        flavour,
        name,
        # desync's streams have bits of Go's there.
        number(block[100:108], "mode") & 0o7777,
        number(block[108:116], "owner"),
        number(block[116:124], "group"),
        size_of(block[124:136]),
        number(block[136:148], "time"),
        kind if kind != b"\0" else b"0",
        text(block[157:257]),
        user,
        group,
        major,
        minor,
        block,
    )


def text(field: bytes) -> bytes:
    """Return what stands before the first NUL."""
    return field.partition(b"\0")[0]


def number(field: bytes, what: str) -> int:
    """Return the number in a field; 0 for a blank one."""
    plain = field[:-1]
    if field[-1] in _ENDS and plain.isdigit() and not plain.strip(_OCTAL):
        return int(plain, 8)
    if field[0] & 0x80:
        bits = 8 * len(field) - 1
        value = int.from_bytes(field, "big") & ((1 << bits) - 1)
        return value - (1 << bits) if field[0] & 0x40 else value
    digits = text(field).strip(b" ")
    if digits.strip(_OCTAL):
        raise TarFormatError(f"a header with {field!r} in the place of its {what}")
    return int(digits or b"0", 8)


def size_of(field: bytes) -> int:
    """Return the number of bytes in a field."""
    size = number(field, "size")
    if not 0 <= size < 1 << 63:
        raise TarFormatError(f"a header with the size {size}")
    return size


def _check_sum(block: bytes) -> None:
    try:
        told = number(block[_CHECKSUM], "checksum")
    except TarFormatError:
        raise TarFormatError("no header: it has no checksum") from None
    right = sum(block) - sum(block[_CHECKSUM]) + _BLANK
    if told == right:
        return
    # Some old programs add bytes that have a sign.
    rest = block[: _CHECKSUM.start] + block[_CHECKSUM.stop :]
    if told != right - 256 * sum(byte > 0x7F for byte in rest):  # noqa: PLR2004 -- the largest byte without
        raise TarFormatError("no header: its checksum is wrong")


def _flavour(block: bytes) -> Flavour:
    if block[257:265] == _GNU:
        return Flavour.GNU
    return Flavour.USTAR if block[257:263] == _USTAR else Flavour.V7
