"""Blobs of every shape that chunkers and stores treat differently, by name."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from tests.vectors.inputs import ctr, text

NAMES: Final = ("random", "text", "zero-heavy", "repeated", "empty", "one-byte")

_BUILDERS: Final[Mapping[str, Callable[[], bytes]]] = {
    "random": lambda: ctr(400_000, b"interop"),
    "text": lambda: text(300_000),
    "zero-heavy": lambda: (
        bytes(300_000) + ctr(50_000, b"a") + bytes(600_000) + b"end" + bytes(70_001)
    ),
    "repeated": lambda: ctr(120_000, b"c") * 4 + ctr(7, b"d"),
    "empty": lambda: b"",
    "one-byte": lambda: b"\x07",
    # Two releases of one thing: most of their chunks are the same, and both have zero chunks
    # and repeated ones.
    "first": lambda: (
        ctr(150_000, b"e") + bytes(200_000) + text(120_000) + ctr(150_000, b"e") + b"1"
    ),
    "second": lambda: ctr(150_000, b"e") + bytes(200_000) + ctr(60_000, b"g") + ctr(150_000, b"e"),
}


@cache
def blob(name: str) -> bytes:
    """Return the blob called `name`."""
    return _BUILDERS[name]()
