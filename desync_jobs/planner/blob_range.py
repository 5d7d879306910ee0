"""A range of a blob, read from an index through seeds, a cache and stores: what that takes."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.prices import PRICES, Source
from desync_jobs.core.ranges import Ranges
from desync_jobs.core.segments import Positions
from desync_jobs.errors import UsageError
from desync_jobs.formats.index import Index
from desync_jobs.planner.cost import Amount, Bounds
from desync_jobs.planner.extraction import number_chunks, plain_size, ranges_size
from desync_jobs.planner.facts import IndexFacts, SeedFacts, StoreFacts, TreeFacts
from desync_jobs.planner.fetched import CachePlace, Fetched, FetchedCost, fetched_cost
from desync_jobs.planner.holdings import Holdings, Places
from desync_jobs.planner.needed import need_index, need_stores


class Sources(Protocol):
    """A spec of an operation that reads a blob from stores, behind a cache."""

    @property
    def stores(self) -> tuple[str, ...]:
        """Names of the stores, in the order they are asked."""
        ...

    @property
    def cache(self) -> str | None:
        """Name of the cache."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RangeFacts:
    """The index of a blob, and where its chunks may come from."""

    index: IndexFacts | None
    stores: tuple[StoreFacts, ...]
    seeds: tuple[SeedFacts, ...] = ()
    cache: CachePlace | None = None
    trees: tuple[TreeFacts, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class BlobRange:
    """The range to read and the positions that cover it."""

    found: IndexFacts
    """The index, and where it is."""
    begin: int
    end: int
    first: int
    last: int
    """One past the last position that has bytes of the range."""
    seeds: tuple[SeedFacts, ...] = ()
    cache: CachePlace | None = None
    trees: tuple[TreeFacts, ...] = ()
    """Seeds that are asked after the others; what they have is not known yet."""

    @property
    def index(self) -> Index:
        """The index of the whole blob."""
        return self.found.index

    @property
    def size(self) -> int:
        """How many bytes it is."""
        return self.end - self.begin


def need_range(
    facts: RangeFacts, name: str, offset: int = 0, length: int | None = None
) -> BlobRange:
    """Return the range of the blob whose index the manifest calls `name`.

    Raises `IndexMissingError` or `StoreError` for what is not there, and `UsageError` for a range
    past the end of the blob.
    """
    found = need_index(facts.index, name)
    need_stores(facts.stores, found.index)
    index = found.index
    end = index.blob_size if length is None else offset + length
    if offset > index.blob_size or end > index.blob_size:
        raise UsageError(
            f"bytes {offset} to {end} are past the end of the blob, which has {index.blob_size}; "
            "correct offset and length"
        )
    first = index.ended_by(offset)
    last = index.ended_by(end - 1) + 1 if end > offset else first
    return BlobRange(found, offset, end, first, last, facts.seeds, facts.cache, facts.trees)


def unseen_range_cost(spec: Sources, wanted: BlobRange) -> FetchedCost:
    """Return the most that reading `wanted` comes to, as far as the index tells."""
    index = wanted.index
    plain = index.lengths_at(index.distinct(wanted.first, wanted.last))
    places = Places(spec.cache, spec.stores)
    cost = fetched_cost(Fetched(places, plain, np.ones_like(plain), wanted.cache))
    inexact = tuple(replace(one, exact=False) for one in cost.reads)
    return _with_trees(wanted, replace(cost, reads=inexact), plain)


def _with_trees(wanted: BlobRange, cost: FetchedCost, plain: NDArray[np.int64]) -> FetchedCost:
    """Return the cost of fetching where trees may have any of it, chunks with `plain` bytes.

    What they have is known only when all of their files were read.
    """
    if not wanted.trees:
        return cost
    size, count = int(plain.sum()), len(plain)
    price = PRICES[Source.SEED]
    trees = (
        Amount(one.place, size, count, exact=False, source=Source.SEED, price=price)
        for one in wanted.trees
    )
    return replace(
        cost,
        reads=(*map(_at_most, cost.reads), *trees),
        writes=tuple(map(_at_most, cost.writes)),
        needs=tuple(replace(one, lower=0) for one in cost.needs),
    )


def _at_most(amount: Amount) -> Amount:
    stored = None if amount.stored is None else Bounds(0, amount.stored.upper)
    return replace(amount, exact=False, stored=stored)


@dataclass(frozen=True, slots=True, eq=False)
class RangeReads:
    """What a range is read from: each batch asks for each of its distinct chunks once."""

    zeros: Ranges
    """Positions that are zeros of the largest size, which nobody is asked for."""
    seeded: tuple[Positions, ...]
    """For each seed, a position of each chunk that it gives, as often as it is asked."""
    fetched: Positions
    """A position of each distinct chunk that no seed has."""
    times: NDArray[np.int64]
    """How often each of `fetched` is asked for."""


def range_reads(wanted: BlobRange, batch: NDArray[np.int64], zero_id: bytes) -> RangeReads:
    """Return what is read from where; `batch` is the number of each position's batch."""
    index = wanted.index
    first, group, theirs = number_chunks(index, [seed.index for seed in wanted.seeds])
    zero_groups = (index.ids_at(first) == np.frombuffer(zero_id, np.uint8)).all(axis=1)
    mine = group[wanted.first : wanted.last]
    zero = zero_groups[mine]
    distinct = max(len(first), *(int(numbers.max(initial=0)) + 1 for numbers in theirs), 1)
    # Each chunk of each batch once.
    _, at = np.unique(batch * distinct + mine, return_index=True)
    at = at[~zero[at]]
    seeded = []
    for numbers in theirs:
        has = np.zeros(distinct, np.bool_)
        has[numbers] = True
        here = has[mine[at]]
        seeded.append(at[here] + wanted.first)
        at = at[~here]
    _, once, times = np.unique(mine[at], return_index=True, return_counts=True)
    return RangeReads(_shifted(zero, wanted.first), tuple(seeded), at[once] + wanted.first, times)


def _shifted(marks: NDArray[np.bool_], by: int) -> Ranges:
    ranges = Ranges.of(marks)
    return Ranges(ranges.first + by, ranges.last + by)


def range_cost(
    spec: Sources, wanted: BlobRange, reads: RangeReads, holdings: Holdings
) -> FetchedCost:
    """Return the cost of a range by place; `holdings` are what those said of `reads.fetched`."""
    index = wanted.index
    plain = index.lengths_at(reads.fetched)
    places = Places(spec.cache, spec.stores)
    stores = fetched_cost(Fetched(places, plain, reads.times, wanted.cache, holdings))
    fetched = _with_trees(wanted, stores, plain)
    amounts = [
        Amount(
            f"seed {seed.name}",
            plain_size(index, positions),
            len(positions),
            source=Source.SEED,
            price=PRICES[Source.SEED],
        )
        for seed, positions in zip(wanted.seeds, reads.seeded, strict=True)
    ]
    size, price = ranges_size(index, reads.zeros), PRICES[Source.ZEROS]
    zeros = Amount("zeros", size, len(reads.zeros), source=Source.ZEROS, price=price)
    return replace(fetched, reads=(*fetched.reads, *amounts, zeros))
