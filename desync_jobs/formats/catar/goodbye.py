"""The table at the end of a directory: its entries by the hash of their names.

The table is a binary search tree over SipHash-2-4 of the names, complete and filled from the
left, stored level by level: the children of item i are 2i + 1 and 2i + 2. Each item is 24 bytes:
u64 distance back from the table's record to the entry's name record, u64 size of name and entry,
u64 hash. Source: casync's `caencoder.c`, `cautil.c`.
"""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from desync_jobs.core.siphash import siphash

ITEM_SIZE: Final = 24
"""Bytes of an item, and of the tail after the last one."""

_ITEM: Final = struct.Struct("<QQQ")
_K0: Final = 0x8574442B0F1D84B3
_K1: Final = 0x2736ED30D1C22EC1


class Child(NamedTuple):
    """One entry of a directory: where its name record starts and where its last record ends."""

    name_hash: int
    start: int
    end: int


def hash_name(name: bytes) -> int:
    """Return the 64-bit SipHash-2-4 of a name under casync's key."""
    return siphash(name, _K0, _K1)


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
    ranked = sorted(children)
    return b"".join(
        _ITEM.pack(start - child.start, child.end - child.start, child.name_hash)
        for child in map(ranked.__getitem__, search_order(len(ranked)))
    )
