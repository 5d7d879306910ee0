"""Numbers as people read them."""

from typing import Final

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP: Final = 1024


def size_words(size: int) -> str:
    """Return `size` bytes with a binary unit: `1.5 GiB`, `0 B`."""
    value = float(size)
    unit = 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value /= _STEP
        unit += 1
    return f"{size} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def count_words(count: int, thing: str) -> str:
    """Return `1 chunk`, `12,345 chunks`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
