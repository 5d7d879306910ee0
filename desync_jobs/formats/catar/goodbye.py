"""The table at the end of a directory: its entries by the hash of their names.

The table is a binary search tree over SipHash-2-4 of the names, complete and filled from the
left, stored level by level: the children of item i are 2i + 1 and 2i + 2. Each item is 24 bytes:
u64 distance back from the table's record to the entry's name record, u64 size of name and entry,
u64 hash. Source: casync's `caencoder.c`, `cautil.c`; SipHash by Aumasson and Bernstein, 2012.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ITEM_SIZE: Final = 24
"""Bytes of an item, and of the tail after the last one."""

_ITEM: Final = struct.Struct("<QQQ")
_WORDS: Final = 0xFFFFFFFFFFFFFFFF
_K0: Final = 0x8574442B0F1D84B3
_K1: Final = 0x2736ED30D1C22EC1
_START: Final = (
    _K0 ^ 0x736F6D6570736575,
    _K1 ^ 0x646F72616E646F6D,
    _K0 ^ 0x6C7967656E657261,
    _K1 ^ 0x7465646279746573,
)


@dataclass(frozen=True, slots=True)
class Child:
    """One entry of a directory: where its name record starts and where its last record ends."""

    name_hash: int
    start: int
    end: int


def hash_name(name: bytes) -> int:
    """Return the 64-bit SipHash-2-4 of a name under casync's key."""
    # The last word has the length in its highest byte; then come four rounds without a word.
    size = len(name)
    padded = name + bytes(7 - size % 8) + bytes([size & 0xFF])
    words = struct.unpack(f"<{len(padded) // 8}Q", padded)
    v0, v1, v2, v3 = _START
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


def search_order(count: int) -> list[int]:
    """Return which of `count` sorted items stands at each place of the table."""
    order = [0] * count
    pending: list[int] = []
    place = rank = 0
    # A walk through the tree in order: left, the place itself, right.
    while pending or place < count:
        while place < count:
            pending.append(place)
            place = 2 * place + 1
        place = pending.pop()
        order[place] = rank
        rank += 1
        place = 2 * place + 2
    return order


def goodbye_table(children: Iterable[Child], start: int) -> bytes:
    """Return the table of a directory whose `Goodbye` record starts at the offset `start`.

    Offsets of `start` and of the children count from the same place.
    """
    # Equal hashes stand in the order of the archive.
    ranked = sorted(children, key=lambda child: (child.name_hash, child.start))
    return b"".join(
        _ITEM.pack(start - child.start, child.end - child.start, child.name_hash)
        for child in map(ranked.__getitem__, search_order(len(ranked)))
    )
