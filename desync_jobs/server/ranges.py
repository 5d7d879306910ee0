"""One range of bytes of a request, and whether the client has the content already.

RFC 9110: a header that is not understood, several ranges, and a range for another content than
there is mean the whole; a range that begins after the end cannot be answered.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """Which bytes are sent; none where the range cannot be answered."""

    begin: int
    end: int
    """After the last byte."""


def asked_part(headers: Mapping[str, str], etag: str, size: int) -> Part | None:
    """Return the part of `size` bytes that a request asks for, None for the whole.

    A `Part` without bytes is one that cannot be answered.
    """
    match = _RANGE.fullmatch(headers.get("Range", "").replace(" ", ""))
    if match is None or match[0] == "bytes=-":
        return None
    if headers.get("If-Range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        return Part(max(size - int(last), 0), size) if int(last) else Part(0, 0)
    begin = int(first)
    end = min(int(last) + 1, size) if last else size
    if last and int(last) < begin:
        return None
    return Part(begin, end) if begin < size else Part(0, 0)


def has_already(headers: Mapping[str, str], etag: str) -> bool:
    """Tell whether the client said that it has the content that `etag` stands for."""
    known = headers.get("If-None-Match")
    if known is None:
        return False
    return any(one.strip().removeprefix("W/") in ("*", etag) for one in known.split(","))
