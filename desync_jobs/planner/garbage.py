"""Which chunk files of a store are garbage, and which of those have been for long enough.

Chunks count as needed by the first 8 bytes of their IDs: of two that share those, both stay as long
as one is needed, which happens to nobody and is safe.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import CHUNK_ID_SIZE
from desync_jobs.formats.marks import NO_MARKS, Keys, Marks, mark_keys, prefixes


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """The chunk files of a store, sorted by ID and form; arrays of the same length."""

    ids: NDArray[np.uint8]
    """Shape (n, 32)."""
    compressed: NDArray[np.bool_]
    sizes: NDArray[np.int64]
    """Stored bytes."""
    modified: NDArray[np.float64]
    """Seconds since 1970; NaN where the place does not tell."""

    def __len__(self) -> int:
        return len(self.sizes)

    def only(self, which: NDArray[np.bool_]) -> "Stock":
        """Return some of the files, in their order."""
        return Stock(
            self.ids[which], self.compressed[which], self.sizes[which], self.modified[which]
        )


NO_STOCK: Final = Stock(
    np.empty((0, CHUNK_ID_SIZE), np.uint8),
    np.empty(0, np.bool_),
    np.empty(0, np.int64),
    np.empty(0, np.float64),
)
"""No chunk files."""


def join_stock(parts: Sequence[Stock]) -> Stock:
    """Return what some parts, at least one, have together; IDs ascend from each to the next."""
    return Stock(
        np.concatenate([one.ids for one in parts]),
        np.concatenate([one.compressed for one in parts]),
        np.concatenate([one.sizes for one in parts]),
        np.concatenate([one.modified for one in parts]),
    )


@dataclass(frozen=True, slots=True)
class Contents:
    """What is known of many values that are not kept."""

    count: int
    digest: str
    """Of all of them: another one where any is another."""


@dataclass(frozen=True, slots=True, eq=False)
class Garbage:
    """What becomes of the chunk files of a store."""

    deleted: NDArray[np.bool_]
    """Those that go now."""
    marks: Marks
    """Those that are garbage and stay for now, and since when."""
    needed: int
    """Chunk files that an index needs."""


@dataclass(frozen=True, slots=True, eq=False)
class Sifted:
    """What becomes of the chunk files of a store, which are not kept but for those that go now."""

    stock: Contents
    going: Stock
    marks: Marks
    """Of those that are garbage and stay for now."""
    needed: int
    """Chunk files that an index needs."""


NOTHING: Final = Sifted(Contents(0, ""), NO_STOCK, NO_MARKS, 0)
"""Of a store that is not there."""


def sort_out(stock: Stock, needed: Keys, marks: Marks, now: float, grace: float) -> Garbage:
    """Decide what becomes of each file of `stock`.

    `needed` are the prefixes of all IDs that any index needs, in ascending order. What nobody needs
    goes once it has been marked, and not been written, for `grace` seconds; without grace at once.
    """
    unneeded = ~among(prefixes(stock.ids), needed)
    keys = mark_keys(stock.ids, stock.compressed)
    since = np.full(len(stock), now)
    if len(marks.keys):
        at = np.minimum(np.searchsorted(marks.keys, keys), len(marks.keys) - 1)
        since = np.where(marks.keys[at] == keys, np.minimum(marks.since[at], now), now)
    # What was written since it was marked is as good as new.
    written = np.nan_to_num(stock.modified, nan=-np.inf)
    since = np.where(written > since, now, since)
    old = now - np.maximum(since, written) >= grace
    deleted = unneeded & old if grace else unneeded
    kept = np.flatnonzero(unneeded & ~deleted)
    order = kept[np.argsort(keys[kept], kind="stable")]
    first = np.ones(len(order), np.bool_)
    first[1:] = keys[order][1:] != keys[order][:-1]
    order = order[first]
    return Garbage(deleted, Marks(keys[order], since[order]), len(stock) - int(unneeded.sum()))


def among(values: Keys, known: Keys) -> NDArray[np.bool_]:
    """Tell of each value, in any order, whether it is in `known`, which ascends."""
    if not len(known):
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found: NDArray[np.bool_] = known[at] == values
    return found
