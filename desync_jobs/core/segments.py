"""Index × what is at hand → what to write where, each distinct chunk taken from one place.

Pure array work, linear in the index's length (with one sort), whatever repeats:
no loop over chunks. Sources, cheapest first: nothing to do (the target has it), zeros (a
hole), runs of a seed, a right chunk elsewhere in the target (self), the stores.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.matching import NO_RUNS, Runs, match_runs

Positions = NDArray[np.int64]
"""Positions in an index, from 0."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Assembly:
    """Every position of an index that must be written, by source."""

    fetched: Segments
    """From the stores or the cache."""
    copied: Segments
    """From a right place of the target itself."""
    zeros: Positions
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
    group: Positions,
    zero_groups: Positions,
    right: NDArray[np.bool_],
    seeds: Sequence[Positions] = (),
) -> Assembly:
    """Decide where each wrong position's chunk comes from.

    Args:
        first: first position of each distinct chunk, ascending; shape (distinct,).
        group: number of the distinct chunk at each position; shape (positions,).
        zero_groups: numbers of the distinct chunks that are all zero.
        right: whether the target has the right bytes at each position; shape (positions,).
        seeds: the chunks of each seed, numbered as in `group`; others have higher numbers.

    """
    is_zero = np.zeros(len(first), np.bool_)
    is_zero[zero_groups] = True
    zero = is_zero[group]
    zeros = np.flatnonzero(~right & zero)
    seeded = match_runs(group, ~right & ~zero, seeds)
    needed = np.flatnonzero(~right & ~zero & ~_covered(len(group), seeded))
    distinct, bounds, places = _gathered(group, needed)
    at_hand = np.full(len(first), -1, np.int64)
    held = np.flatnonzero(right)[::-1]
    at_hand[group[held]] = held
    source = at_hand[distinct]
    return Assembly(
        fetched=_pick(source < 0, first[distinct], bounds, places),
        copied=_pick(source >= 0, source, bounds, places),
        zeros=zeros,
        seeded=seeded,
    )


def _covered(count: int, runs: Runs) -> NDArray[np.bool_]:
    """Return which of `count` positions `runs` cover."""
    edges = np.zeros(count + 1, np.int64)
    np.add.at(edges, runs.first, 1)
    np.add.at(edges, runs.last, -1)
    covered: NDArray[np.bool_] = np.cumsum(edges[:-1]) > 0
    return covered


def _gathered(group: Positions, positions: Positions) -> tuple[Positions, Positions, Positions]:
    """Return the distinct chunks at `positions`, and the positions of each side by side.

    Those of distinct chunk k are `places[bounds[k]:bounds[k + 1]]`.
    """
    numbers = group[positions]
    order = np.argsort(numbers, kind="stable")
    places, numbers = positions[order], numbers[order]
    begins = np.flatnonzero(np.diff(numbers, prepend=-1))
    return numbers[begins], np.append(begins, len(places)), places


def _pick(
    chosen: NDArray[np.bool_], sources: Positions, bounds: Positions, places: Positions
) -> Segments:
    counts = np.diff(bounds)
    kept = np.repeat(chosen, counts)
    starts = np.concatenate(([0], np.cumsum(counts[chosen]))).astype(np.int64)
    return Segments(sources[chosen], starts, places[kept])
