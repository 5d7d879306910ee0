"""Index × what is at hand → what to write where, each distinct chunk taken from one place.

Pure array work, linear in the index's length (with one sort), whatever repeats:
no loop over chunks. Which source is taken is decided by `prices`: nothing to do (the target has
it), zeros (a hole), runs of a seed, a right chunk elsewhere in the target (self), the stores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.matching import (
    NO_RUNS,
    NOTHING,
    Numbers,
    Offer,
    Positions,
    Runs,
    match_runs,
)
from desync_jobs.core.prices import PRICES, Price, Source, cheapest_first
from desync_jobs.core.ranges import NOWHERE, Ranges

__all__ = ["Assembly", "Positions", "Segments", "assign"]

_BLOCK: Final = 1 << 18
"""Positions handled at a time, so that temporary arrays stay small."""


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Distinct chunks from one kind of source, and all the places each goes to.

    Chunk k is taken from position `sources[k]` (its first occurrence in the index, or where
    the target has it) and written at `places[starts[k]:starts[k + 1]]`.
    """

    sources: Positions
    starts: Positions
    places: Positions

    def __len__(self) -> int:
        return len(self.sources)

    def places_of(self, number: int) -> list[int]:
        """Return where chunk `number` of these goes."""
        found: list[int] = self.places[self.starts[number] : self.starts[number + 1]].tolist()
        return found


_NOWHERE: Final[Positions] = np.empty(0, np.int64)
NO_SEGMENTS: Final = Segments(_NOWHERE, np.zeros(1, np.int64), _NOWHERE)


@dataclass(frozen=True, slots=True, eq=False)
class Assembly:
    """Every position of an index that must be written, by source."""

    fetched: Segments
    """From the stores or the cache."""
    copied: Segments
    """From a right place of the target itself."""
    zeros: Ranges
    """Zero chunks."""
    seeded: Runs = NO_RUNS
    """From seeds."""

    @property
    def writes(self) -> bool:
        """Whether anything must be written at all."""
        return bool(self.positions)

    @property
    def positions(self) -> int:
        """How many positions are written."""
        seeded = int((self.seeded.last - self.seeded.first).sum())
        return len(self.fetched.places) + len(self.copied.places) + len(self.zeros) + seeded


def assign(
    first: Positions,
    group: Numbers,
    zero_groups: Positions,
    right: NDArray[np.bool_],
    offer: Offer = NOTHING,
    *,
    prices: Mapping[Source, Price] = PRICES,
) -> Assembly:
    """Decide where each wrong position's chunk comes from: from the cheapest source that has it.

    Args:
        first: first position of each distinct chunk, ascending; shape (distinct,).
        group: number of the distinct chunk at each position; shape (positions,).
        zero_groups: numbers of the distinct chunks that are all zero.
        right: whether the target has the right bytes at each position; shape (positions,).
        offer: the chunks of each seed, numbered as in `group`; others have higher numbers.
        prices: what each kind of source costs. Runs of seeds are matched together, at the
            price of copying; stores are asked for what nothing else has.

    """
    needed = ~right
    zeros, copied = NOWHERE, NO_SEGMENTS
    seeded = NO_RUNS
    for source in cheapest_first((Source.ZEROS, Source.SEED, Source.SELF), prices):
        if source is Source.ZEROS:
            zero = _of_groups(group, _chosen(zero_groups, len(first)))
            zero &= needed
            zeros = Ranges.of(zero)
            needed &= ~zero
        elif source is Source.SEED:
            seeded = match_runs(group, needed, offer)
            needed &= ~_covered(len(group), seeded)
        else:
            copied = _copies(group, right, needed, len(first))
            needed[copied.places] = False
    distinct, bounds, places = _gathered(group, np.flatnonzero(needed))
    return Assembly(Segments(first[distinct], bounds, places), copied, zeros, seeded)


def _chosen(groups: Positions, count: int) -> NDArray[np.bool_]:
    chosen = np.zeros(count, np.bool_)
    chosen[groups] = True
    return chosen


def _of_groups(group: Numbers, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which positions have a chunk that is `chosen`."""
    found = np.empty(len(group), np.bool_)
    for at in range(0, len(group), _BLOCK):
        found[at : at + _BLOCK] = chosen[group[at : at + _BLOCK]]
    return found


def _copies(
    group: Numbers, right: NDArray[np.bool_], needed: NDArray[np.bool_], count: int
) -> Segments:
    """Return what of `needed` a right position of the target has too: the first that has it."""
    at_hand = np.full(count, -1, np.int64)
    for at in reversed(range(0, len(group), _BLOCK)):
        held = np.flatnonzero(right[at : at + _BLOCK])[::-1] + at
        at_hand[group[held]] = held
    copied = _of_groups(group, at_hand >= 0)
    copied &= needed
    distinct, bounds, places = _gathered(group, np.flatnonzero(copied))
    return Segments(at_hand[distinct], bounds, places)


def _covered(count: int, runs: Runs) -> NDArray[np.bool_]:
    """Return which of `count` positions `runs` cover."""
    # Runs never overlap, so no sum leaves 0 and 1.
    edges = np.zeros(count + 1, np.int8)
    np.add.at(edges, runs.first, 1)
    np.add.at(edges, runs.last, -1)
    covered: NDArray[np.bool_] = np.cumsum(edges[:-1], dtype=np.int8).view(np.bool_)
    return covered


def _gathered(group: Numbers, positions: Positions) -> tuple[Positions, Positions, Positions]:
    """Return the distinct chunks at `positions`, and the positions of each side by side.

    Those of distinct chunk k are `places[bounds[k]:bounds[k + 1]]`.
    """
    numbers = group[positions]
    order = np.argsort(numbers, kind="stable")
    places, numbers = positions[order], numbers[order]
    begins = np.flatnonzero(np.diff(numbers, prepend=-1))
    return numbers[begins], np.append(begins, len(places)), places
