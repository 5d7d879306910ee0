"""The inputs that the vectors in this folder were made from; see PROVENANCE.md.

Every one can be made again from its name, so none is stored.
"""

import hashlib
import struct
from collections.abc import Callable
from functools import cache

import numpy as np


def ctr(size: int, prefix: bytes = b"") -> bytes:
    """Random-looking bytes: SHA-256 of the prefix and a counter, block after block."""
    blocks = (hashlib.sha256(prefix + struct.pack("<Q", i)).digest() for i in range(-(-size // 32)))
    return b"".join(blocks)[:size]


def gold(size: int) -> bytes:
    """Multiples of the golden ratio in 64 bits, as little-endian words."""
    words = np.arange(-(-size // 8), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return words.astype("<u8").tobytes()[:size]


def text(size: int) -> bytes:
    """Lines of eleven words out of 512."""
    words = [
        bytes(97 + byte % 26 for byte in hashlib.sha256(struct.pack("<Q", k)).digest()[: 3 + k % 7])
        for k in range(512)
    ]
    choices = ctr(size * 2 // 8 + 64, b"t")
    out = bytearray()
    number = 0
    while len(out) < size:
        (choice,) = struct.unpack_from("<H", choices, 2 * number % (len(choices) - 2))
        out += words[choice % 512] + (b" " if number % 11 else b"\n")
        number += 1
    return bytes(out[:size])


@cache
def named(name: str) -> bytes:
    """Return the input that `casync-indexes.json` calls `name`."""
    builders: dict[str, Callable[[], bytes]] = {
        "random-1M": lambda: ctr(1 << 20),
        "random-5M": lambda: ctr(5 << 20, b"five"),
        "text-2M": lambda: text(2 << 20),
        "zeros-1000000": lambda: bytes(1000000),
        "zeros-max": lambda: bytes(262144),
        "zeros-max-plus-1": lambda: bytes(262145),
        "mixed": lambda: ctr(131072) + bytes(600000) + ctr(100000, b"x"),
        "repeats": lambda: ctr(300000, b"r") * 4 + bytes(700000) + ctr(300000, b"r") + text(123457),
        "empty": lambda: b"",
        "one-byte": lambda: b"\x01",
        "min": lambda: ctr(16384, b"m"),
        "min-plus-1": lambda: ctr(16385, b"m"),
    }
    return builders[name]()
