"""Guesses at what somebody meant to write."""

from collections.abc import Collection
from typing import Final

_MOST_CANDIDATES: Final = 1000
"""Comparing every wrong name with every right one must not take minutes."""


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return `; did you mean 'x'?`, or nothing where no known word is near."""
    if len(known) > _MOST_CANDIDATES:
        return ""
    import difflib

    near = difflib.get_close_matches(word, known, n=1)
    if not near:
        # Short words that differ in case or in `-` and `_` alone are not near by ratio.
        near = [name for name in known if _folded(name) == _folded(word)]
    return f"; did you mean {near[0]!r}?" if near else ""


def _folded(word: str) -> str:
    return word.lower().replace("_", "-")
