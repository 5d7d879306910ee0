"""Sizes and durations in words: `64 KiB`, `16k`, `500ms`, `2h`.

Units of sizes are powers of 1024 whether or not they carry an `i`, as in casync's
`parse_size`. `KB` is refused, because half of its readers take it for 1000.
"""

import re
from typing import Annotated, Final, TypeAlias

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from desync_jobs.manifest.scalars import VARIABLE_USE

SIZE_LIMIT: Final = (1 << 63) - 1
"""The largest size a file can have."""

SIZE_PATTERN: Final = r" *[0-9]+(\.[0-9]+)? *([KMGTPEkmgtpe]([Ii][Bb])?|[Bb])? *"
"""What an editor accepts as a size."""

DURATION_PATTERN: Final = r" *[0-9]+(\.[0-9]+)? *(ms|s|min|m|h|d) *"
"""What an editor accepts as a duration."""

_NUMBER_AND_UNIT = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,9}))?[ ]*([A-Za-z]*)")
_BINARY_UNITS: Final = ("K", "M", "G", "T", "P", "E")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_size(value: object) -> int:
    """Return the bytes of `65536`, `"64 KiB"`, `"64k"` or `"1.5 GiB"`; `ValueError` otherwise."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _within_limit(value, str(value))
    if not isinstance(value, str):
        raise ValueError("should be a size: a whole number of bytes, or for example '64 KiB'")  # noqa: TRY004 - pydantic collects ValueError
    match = _NUMBER_AND_UNIT.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value!r} is not a size; write bytes, or for example '64 KiB'")
    whole, decimals, unit = match.groups(default="")
    scaled = int(whole + decimals) * _size_unit(unit, value)
    if scaled % 10 ** len(decimals):
        raise ValueError(f"{value!r} is not a whole number of bytes")
    return _within_limit(scaled // 10 ** len(decimals), value)


def _within_limit(size: int, text: str) -> int:
    if not 0 <= size <= SIZE_LIMIT:
        raise ValueError(f"{text!r} is not a size: from 0 to 2^63 - 1 bytes is possible")
    return size


def _size_unit(unit: str, text: str) -> int:
    word = unit.upper()
    if word in ("", "B"):
        return 1
    if word[0] in _BINARY_UNITS and word[1:] in ("", "IB"):
        return 1 << 10 * (1 + _BINARY_UNITS.index(word[0]))
    if word[0] in _BINARY_UNITS and word[1:] == "B":
        raise ValueError(f"{text!r} is ambiguous; write {unit[0].upper()}iB for powers of 1024")
    raise ValueError(f"{text!r} has no known unit; there are B, KiB, MiB, GiB and TiB")


def format_size(size: int) -> str:
    """Return the shortest exact words for `size`: `64KiB` for 65536, `100B` for 100."""
    power = 0
    while size and size % 1024 == 0 and power < len(_BINARY_UNITS):
        size //= 1024
        power += 1
    return f"{size}{_BINARY_UNITS[power - 1]}iB" if power else f"{size}B"


def parse_duration(value: object) -> float:
    """Return the seconds of `"500ms"`, `"30s"`, `"1.5 min"`, `"2h"` or `"1d"`.

    A bare number is refused: nobody can see whether it means seconds.
    """
    match = _NUMBER_AND_UNIT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[3] not in _SECONDS:
        raise ValueError(f"{value!r} is not a duration; write for example '500ms', '30s' or '2h'")
    return float(f"{match[1]}.{match[2] or '0'}") * _SECONDS[match[3]]


def format_duration(seconds: float) -> str:
    """Return words that `parse_duration` reads as `seconds`, to the millisecond."""
    milliseconds = round(seconds * 1000)
    for unit, length in (("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % length == 0:
            return f"{milliseconds // length}{unit}"
    return f"{milliseconds}ms"


Size: TypeAlias = Annotated[
    int,
    PlainValidator(parse_size),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {
                    "type": "string",
                    "pattern": f"^{SIZE_PATTERN}$|{VARIABLE_USE}",
                },
            ]
        }
    ),
]
"""Bytes: an integer, or a string with a unit."""

Duration: TypeAlias = Annotated[
    float,
    PlainValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{DURATION_PATTERN}$|{VARIABLE_USE}",
        }
    ),
]
"""Seconds, written as a string with a unit."""
