"""SipHash-2-4 (Aumasson and Bernstein, 2012): compiled where the kernel is built, or in Python."""

import struct
from collections.abc import Callable
from typing import Final, TypeAlias

from desync_jobs.core.chunk import BytesLike

SipHash: TypeAlias = Callable[[BytesLike, int, int], int]

_WORDS: Final = 0xFFFFFFFFFFFFFFFF


def portable(data: BytesLike, k0: int, k1: int, /) -> int:
    """Return the 64-bit hash of `data` under the key of the words `k0` and `k1`."""
    # The last word has the length in its highest byte; then come four rounds without a word.
    size = len(data)
    padded = bytes(data) + bytes(7 - size % 8) + bytes([size & 0xFF])
    words = struct.unpack(f"<{len(padded) // 8}Q", padded)
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    for word in words:
        v3 ^= word
        v0, v1, v2, v3 = _two_rounds(v0, v1, v2, v3)
        v0 ^= word
    v0, v1, v2, v3 = _two_rounds(*_two_rounds(v0, v1, v2 ^ 0xFF, v3))
    return v0 ^ v1 ^ v2 ^ v3


def _two_rounds(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    # In place of a loop, because each entry of an archive takes ten of these and more.
    v0 = (v0 + v1) & _WORDS
    v2 = (v2 + v3) & _WORDS
    v1 = (v1 << 13 & _WORDS | v1 >> 51) ^ v0
    v3 = (v3 << 16 & _WORDS | v3 >> 48) ^ v2
    v2 = (v2 + v1) & _WORDS
    v0 = ((v0 << 32 & _WORDS | v0 >> 32) + v3) & _WORDS
    v1 = (v1 << 17 & _WORDS | v1 >> 47) ^ v2
    v3 = (v3 << 21 & _WORDS | v3 >> 43) ^ v0
    v0 = (v0 + v1) & _WORDS
    v2 = ((v2 << 32 & _WORDS | v2 >> 32) + v3) & _WORDS
    v1 = (v1 << 13 & _WORDS | v1 >> 51) ^ v0
    v3 = (v3 << 16 & _WORDS | v3 >> 48) ^ v2
    v2 = (v2 + v1) & _WORDS
    v0 = ((v0 << 32 & _WORDS | v0 >> 32) + v3) & _WORDS
    v1 = (v1 << 17 & _WORDS | v1 >> 47) ^ v2
    v3 = (v3 << 21 & _WORDS | v3 >> 43) ^ v0
    return v0, v1, v2 << 32 & _WORDS | v2 >> 32, v3


def _fastest() -> SipHash:
    try:
        from desync_jobs.core import _kernel
    except ImportError:
        return portable
    # One that was built before it had this is as good for the rest.
    found: SipHash = getattr(_kernel, "siphash", portable)
    return found


siphash: Final = _fastest()
"""Returns what `portable` returns."""
