"""The chunks that indexes need, by the first 8 bytes of their IDs, gathered one index at a time."""

import hashlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.formats.index import Index
from desync_jobs.formats.marks import Keys, prefixes
from desync_jobs.planner.garbage import Contents, among

PARTS: Final = 256
"""Parts by the first byte: what is merged or looked at at once is one of them."""
_SHIFT: Final = 56
_BLOCK: Final = 1 << 16
_FEW: Final = 1 << 20
_NONE: Final = np.empty(0, np.uint64)


def keys_of(indexes: Iterable[Index]) -> Keys:
    """Return the prefixes of the IDs in some indexes, in ascending order, each once."""
    blocks = [_NONE]
    for index in indexes:
        runs = index.rows.run_ids
        blocks += [prefixes(runs[at : at + _BLOCK]) for at in range(0, len(runs), _BLOCK)]
    return np.unique(np.concatenate(blocks))


def bounds(keys: Keys) -> NDArray[np.int64]:
    """Return where in `keys`, which ascend, each of the parts begins, and the length."""
    first = np.arange(PARTS, dtype=np.uint64) << np.uint64(_SHIFT)
    return np.append(np.searchsorted(keys, first), len(keys))


class Needed:
    """The chunks that indexes need: 8 bytes for each, and as many again until they are merged."""

    def __init__(self) -> None:
        self._parts = [_NONE] * PARTS
        self._waiting: list[Keys] = []
        self._merged = self._more = 0

    def add(self, keys: Keys) -> None:
        """Count what an index has: `keys_of` it."""
        self._waiting.append(keys)
        self._more += len(keys)
        # Merging when as much is new as there was makes the sum of all merges a small multiple.
        if self._more > max(_FEW, self._merged):
            self._merge()

    def contents(self) -> Contents:
        """Return how many there are, and a digest of all."""
        self._merge()
        digest = hashlib.sha256()
        for part in self._parts:
            digest.update(part.data)
        return Contents(self._merged, digest.hexdigest())

    def between(self, first: int, last: int) -> Keys:
        """Return those whose first byte is at least `first` and less than `last`, ascending."""
        self._merge()
        return np.concatenate(self._parts[first:last])

    def lacking(self, keys: Keys) -> Keys:
        """Return of `keys`, which ascend, those that are not needed."""
        self._merge()
        at = bounds(keys)
        parts = [keys[begin:end] for begin, end in pairwise(at)]
        return np.concatenate(
            [one[~among(one, part)] for one, part in zip(parts, self._parts, strict=True)]
        )

    def has(self, ids: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Tell of each of `ids`, shape (n, 32), whether it is needed."""
        self._merge()
        keys = prefixes(ids)
        found = np.zeros(len(keys), np.bool_)
        for part in np.unique(ids[:, 0]).tolist():
            these = ids[:, 0] == part
            found[these] = np.isin(keys[these], self._parts[part])
        return found

    def _merge(self) -> None:
        if not self._waiting:
            return
        starts = [bounds(keys) for keys in self._waiting]
        for part in range(PARTS):
            more = [
                keys[at[part] : at[part + 1]]
                for keys, at in zip(self._waiting, starts, strict=True)
                if at[part] < at[part + 1]
            ]
            if more:
                self._parts[part] = np.unique(np.concatenate([self._parts[part], *more]))
        self._waiting = []
        self._merged, self._more = sum(map(len, self._parts)), 0
