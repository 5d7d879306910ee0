"""Extended headers: records of a keyword and a value, before the member that they are about.

Source: POSIX.1-2017, pax, "pax Extended Header". A record is its own length in decimal digits, a
space, the keyword, `=`, the value and a newline.
"""

import re
from collections.abc import Iterator
from typing import Final

from desync_jobs.errors import TarFormatError

_LENGTH: Final = re.compile(rb"([0-9]{1,10}) ")
_TIME: Final = re.compile(rb"(-?)([0-9]{1,20})(?:\.([0-9]*))?")
_DECIMAL: Final = re.compile(rb"[0-9]{1,20}")
_DIGITS: Final = 9
_SECOND: Final = 10**_DIGITS

Records = list[tuple[bytes, bytes]]
"""Keywords and values in their order; some formats repeat keywords."""


def parse_records(data: bytes) -> Records:
    """Return the records of an extended header; `TarFormatError` where it is none."""
    return list(_records(data))


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    # Old programs fill the rest with NULs.
    while at < len(data) and data[at]:
        match = _LENGTH.match(data, at)
        end = at + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(data) or data[end - 1 : end] != b"\n":
            raise TarFormatError("an extended header with a record of the wrong length")
        keyword, equals, value = data[match.end() : end - 1].partition(b"=")
        if not equals or not keyword:
            raise TarFormatError("an extended header with a record without a keyword")
        yield keyword, value
        at = end


def format_records(records: Records) -> bytes:
    """Return the bytes of an extended header."""
    return b"".join(_formatted(keyword + b"=" + value + b"\n") for keyword, value in records)


def _formatted(rest: bytes) -> bytes:
    size = len(rest) + 1
    digits = len(str(size))
    # The length counts its own digits, of which there may be one more by that.
    if len(str(size + digits)) > digits:
        digits += 1
    return b"%d %s" % (size + digits, rest)


def parse_time(value: bytes) -> int:
    """Return the nanoseconds of a decimal number of seconds, rounded down."""
    match = _TIME.fullmatch(value)
    if match is None:
        raise TarFormatError(f"an extended header with the time {value[:40]!r}")
    sign, seconds, decimals = match.groups(default=b"")
    exact = int(seconds) * _SECOND + int(decimals[:_DIGITS].ljust(_DIGITS, b"0"))
    if not sign:
        return exact
    return -exact - bool(decimals[_DIGITS:].strip(b"0"))


def parse_bsdtar_time(value: bytes) -> int:
    """Return the nanoseconds of a time in a header of bsdtar's.

    It writes whole seconds, rounded down, and the rest as decimals that are added: before 1970,
    `-1.75` is what others write as `-0.25`.
    """
    exact = parse_time(value)
    whole = -(-exact // _SECOND) * _SECOND if value.startswith(b"-") else exact
    return 2 * whole - exact


def format_time(nanoseconds: int) -> bytes:
    """Return a time as seconds, with as many decimals as it needs."""
    seconds, rest = divmod(abs(nanoseconds), _SECOND)
    decimals = b".%09d" % rest if rest else b""
    return (b"-" if nanoseconds < 0 else b"") + b"%d" % seconds + decimals.rstrip(b"0")


def parse_decimal(value: bytes, what: str) -> int:
    """Return a number that is not negative."""
    if _DECIMAL.fullmatch(value) is None:
        raise TarFormatError(f"an extended header with the {what} {value[:40]!r}")
    return int(value)
