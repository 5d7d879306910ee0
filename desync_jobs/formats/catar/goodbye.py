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
_V0: Final = _K0 ^ 0x736F6D6570736575
_V1: Final = _K1 ^ 0x646F72616E646F6D
_V2: Final = _K0 ^ 0x6C7967656E657261
_V3: Final = _K1 ^ 0x7465646279746573


@dataclass(frozen=True, slots=True)
class Child:
    """One entry of a directory: where its name record starts and where its last record ends."""

    name_hash: int
    start: int
    end: int


def hash_name(name: bytes) -> int:
    """Return the 64-bit SipHash-2-4 of a name under casync's key."""
    v = (_V0, _V1, _V2, _V3)
    whole = len(name) & ~7
    for (word,) in struct.iter_unpack("<Q", name[:whole]):
        v = _absorb(v, word)
    last = int.from_bytes(name[whole:], "little") | (len(name) & 0xFF) << 56
    v0, v1, v2, v3 = _absorb(v, last)
    v = (v0, v1, v2 ^ 0xFF, v3)
    for _ in range(4):
        v = _round(*v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _absorb(v: tuple[int, int, int, int], word: int) -> tuple[int, int, int, int]:
    v0, v1, v2, v3 = _round(*_round(v[0], v[1], v[2], v[3] ^ word))
    return v0 ^ word, v1, v2, v3


def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0 = (v0 + v1) & _WORDS
    v1 = ((v1 << 13) & _WORDS | v1 >> 51) ^ v0
    v0 = (v0 << 32) & _WORDS | v0 >> 32
    v2 = (v2 + v3) & _WORDS
    v3 = ((v3 << 16) & _WORDS | v3 >> 48) ^ v2
    v0 = (v0 + v3) & _WORDS
    v3 = ((v3 << 21) & _WORDS | v3 >> 43) ^ v0
    v2 = (v2 + v1) & _WORDS
    v1 = ((v1 << 17) & _WORDS | v1 >> 47) ^ v2
    return v0, v1, (v2 << 32) & _WORDS | v2 >> 32, v3


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
