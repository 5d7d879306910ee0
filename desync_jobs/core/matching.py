"""Index × seeds → the long runs of neighbouring chunks that both have.

A run is worth more than its chunks: it is one clone of extents, or one long copy. Most
chunks stand in a seed once, and there the runs follow from array operations alone: position in the
seed minus position in the index (the diagonal) stays the same along a run. Chunks that a
seed has several times take the diagonal of their neighbours where it fits; stretches without such
a neighbour are tried occurrence by occurrence, a bounded number of times. Time is
linear in the lengths of the index and the seeds (with one sort), whatever repeats.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.narrowing import Narrowed, narrowed

Numbers = NDArray[np.signedinteger[Any]]
"""Chunks by number: equal chunks have equal numbers, from 0."""
Positions = NDArray[np.int64]
"""Positions in an index, from 0."""

_BORDER: Final = -1
"""Between seeds: equal to no chunk."""
_UNWANTED: Final = -2
_UNKNOWN: Final = np.iinfo(np.int64).min
_OCCURRENCES: Final = 64
"""Places of one chunk that are tried for the longest run."""
_TRIES: Final = 20_000
"""Stretches that are tried so; after that the first place of each chunk is taken."""
_FIRST_LOOK: Final = 64
_BLOCK: Final = 1 << 18
"""Positions handled at a time where a temporary array of all would be large."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Where chunks begin within the blocks of their file systems, in bytes.

    What begins alike in index and seed can share blocks, which costs less than copying.
    """

    index: Numbers
    """Of each position of the index."""
    seeds: Sequence[Numbers]
    """Of each position of each seed; -1 all over where a seed shares no blocks with the target."""


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """What seeds have, in the order of preference."""

    chunks: Sequence[Numbers] = ()
    """The chunks of each seed, numbered as those of the index."""
    blocks: Blocks | None = None
    """None where nothing can be shared."""


NOTHING: Final = Offer()


@dataclass(frozen=True, slots=True)
class Run:
    """Positions `first` to `last - 1` of the index stand together in a seed."""

    first: int
    last: int
    seed: int
    """Number of the seed."""
    at: int
    """Position in the seed's index where the run begins."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Many runs, as columns; ascending by `first`, never overlapping."""

    first: Positions
    last: Positions
    seed: Positions
    at: Positions

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[Run]:
        columns = (self.first, self.last, self.seed, self.at)
        return map(Run, *(column.tolist() for column in columns))


NO_RUNS: Final = Runs(*(np.empty(0, np.int64) for _ in range(4)))


def match_runs(index: Numbers, wanted: NDArray[np.bool_], offer: Offer) -> Runs:
    """Cover every wanted position whose chunk a seed has, by runs in ascending order.

    Args:
        index: the chunk at each position of the index; shape (n,).
        wanted: which positions to cover; shape (n,).
        offer: what the seeds have. Of equally long runs one that can share blocks is
            taken, and of those that of the earlier seed.

    """
    if not offer.chunks or not wanted.any():
        return NO_RUNS
    mine = narrowed(index, wanted, _UNWANTED)
    sought = np.zeros(int(index.max()) + 2, np.bool_)
    for at in range(0, len(index), _BLOCK):
        block = slice(at, at + _BLOCK)
        sought[index[block][wanted[block]]] = True
    theirs = [narrowed(seed, _marked(seed, sought), _BORDER) for seed in offer.chunks]
    runs = _Matcher(mine.numbers, _narrowed_offer(offer, mine, theirs)).runs()
    places = np.empty_like(runs.at)
    for number, one in enumerate(theirs):
        here = runs.seed == number
        places[here] = one.places(runs.at[here])
    return Runs(mine.places(runs.first), mine.places(runs.last - 1) + 1, runs.seed, places)


def _marked(seed: Numbers, sought: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which chunks of `seed` are sought; the last entry of `sought` is for all others."""
    marks = np.empty(len(seed), np.bool_)
    for at in range(0, len(seed), _BLOCK):
        marks[at : at + _BLOCK] = sought[np.minimum(seed[at : at + _BLOCK], len(sought) - 1)]
    return marks


def _narrowed_offer(offer: Offer, mine: Narrowed, theirs: Sequence[Narrowed]) -> Offer:
    """Return what is left of `offer`, whose blocks are of the index too."""
    blocks = offer.blocks
    if blocks is not None:
        seeds = [one.left_of(own) for one, own in zip(theirs, blocks.seeds, strict=True)]
        blocks = Blocks(mine.left_of(blocks.index), seeds)
    return Offer([one.numbers for one in theirs], blocks)


class _Matcher:
    def __init__(self, index: Numbers, offer: Offer) -> None:
        self._index = index
        self._all = _bordered(offer.chunks)
        self._index_blocks = None if offer.blocks is None else offer.blocks.index
        self._all_blocks = None if offer.blocks is None else _bordered(offer.blocks.seeds)
        lengths = np.array([len(seed) + 1 for seed in offer.chunks])
        self._starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        self._order = np.argsort(self._all, kind="stable")
        ordered = self._all[self._order]
        self._low = np.searchsorted(ordered, index, "left")
        self._high = np.searchsorted(ordered, index, "right")
        self._here = np.arange(len(index))
        self._diagonals = np.full(len(index), _UNKNOWN)

    def runs(self) -> Runs:
        count = self._high - self._low
        found = (count > 0) & (self._index >= 0)
        once = found & (count == 1)
        self._diagonals[once] = self._first_places()[once] - self._here[once]
        for _ in range(2):
            # Forwards, then backwards by the same steps on the mirrored arrays.
            self._spread(found)
            self._mirror()
            found = found[::-1]
        self._search(found)
        return self._joined(found)

    def _first_places(self) -> Numbers:
        return self._order[np.minimum(self._low, len(self._order) - 1)]

    def _mirror(self) -> None:
        """Turn the direction of `_spread`: reading both index and seeds from their ends."""
        self._index = self._index[::-1]
        self._all = self._all[::-1]
        known = self._diagonals != _UNKNOWN
        # A place p of n becomes n - 1 - p on both sides: a diagonal changes its sign and shifts.
        shift = len(self._all) - len(self._index)
        mirrored = np.where(known, shift - self._diagonals, _UNKNOWN)
        self._diagonals = mirrored[::-1]

    def _spread(self, found: NDArray[np.bool_]) -> None:
        """Give unknown positions the diagonal of the last known one, as far as it fits."""
        known = self._diagonals != _UNKNOWN
        last_known = np.maximum.accumulate(np.where(known, self._here, -1))
        reached = last_known >= 0
        offered = self._diagonals[np.maximum(last_known, 0)]
        place = np.where(reached, self._here + offered, -1)
        inside = reached & (place >= 0) & (place < len(self._all))
        fits = inside & found & (self._all[np.where(inside, place, 0)] == self._index)
        last_misfit = np.maximum.accumulate(np.where(fits, -1, self._here))
        taken = ~known & fits & (last_misfit < last_known)
        self._diagonals[taken] = offered[taken]

    def _search(self, found: NDArray[np.bool_]) -> None:
        """Find places for stretches that have no neighbour to follow."""
        open_places = np.flatnonzero(found & (self._diagonals == _UNKNOWN))
        tries = 0
        at = 0
        while at < len(open_places) and tries < _TRIES:
            position = int(open_places[at])
            tries += 1
            place, length = self._longest(position)
            end = position + self._repeated(position, place, length)
            at = int(np.searchsorted(open_places, end))
        rest = open_places[at:]
        self._diagonals[rest] = self._first_places()[rest] - rest

    def _longest(self, position: int) -> tuple[int, int]:
        """Return the best place for `position`, and the length of the run from there."""
        places = self._order[self._low[position] : self._high[position]][:_OCCURRENCES]
        best, length, shares = -1, 0, False
        for place in places.tolist():
            found = self._run_length(position, place)
            if found < length:
                continue
            cheap = self._shares(position, place)
            if found > length or cheap > shares:
                best, length, shares = place, found, cheap
        return best, length

    def _shares(self, position: int, place: int) -> bool:
        if self._index_blocks is None or self._all_blocks is None:
            return False
        return bool(self._index_blocks[position] == self._all_blocks[place])

    def _run_length(self, position: int, place: int) -> int:
        length, look = 0, _FIRST_LOOK
        while True:
            mine = self._index[position + length : position + length + look]
            theirs = self._all[place + length : place + length + look]
            shorter = min(len(mine), len(theirs))
            differ = np.flatnonzero(mine[:shorter] != theirs[:shorter])
            if len(differ):
                return length + int(differ[0])
            length += shorter
            if shorter < look:
                return length
            look *= 4

    def _repeated(self, position: int, place: int, length: int) -> int:
        """Take the run, again and again while the index repeats one chunk; returns how far."""
        chunk = self._index[position]
        run = self._index[position : position + length]
        total = length
        if (run == chunk).all():
            others = np.flatnonzero(self._index[position:] != chunk)
            total = int(others[0]) if len(others) else len(self._index) - position
        steps = np.arange(total)
        self._diagonals[position : position + total] = place + steps % length - (position + steps)
        return total

    def _joined(self, found: NDArray[np.bool_]) -> Runs:
        """Join neighbours of one diagonal."""
        places = self._here + self._diagonals
        where = np.flatnonzero(found)
        if not len(where):
            return NO_RUNS
        breaks = (np.diff(where) != 1) | (np.diff(places[where]) != 1)
        edges = np.concatenate(([0], np.flatnonzero(breaks) + 1, [len(where)]))
        firsts = where[edges[:-1]]
        lasts = where[edges[1:] - 1] + 1
        seeds = np.searchsorted(self._starts, places[firsts], "right") - 1
        return Runs(firsts, lasts, seeds, places[firsts] - self._starts[seeds])


def _bordered(seeds: Sequence[Numbers]) -> Numbers:
    """Return the columns of all seeds in one, with a border after each."""
    return np.concatenate([piece for seed in seeds for piece in (seed, np.array([_BORDER]))])
