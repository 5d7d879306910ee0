"""Deciding `cat`: write a range of a blob without extracting the rest."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.prices import PRICES, Source
from desync_jobs.core.ranges import Ranges
from desync_jobs.core.segments import Positions
from desync_jobs.errors import UsageError
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.cat import CatSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.extraction import number_chunks, plain_size, ranges_size
from desync_jobs.planner.facts import DiskFacts, FileFacts, IndexFacts, SeedFacts, StoreFacts
from desync_jobs.planner.fetched import CachePlace, Fetched, FetchedCost, fetched_cost
from desync_jobs.planner.holdings import Holdings, Places
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart, need_index, need_stores
from desync_jobs.planner.plan import Decision
from desync_jobs.planner.space import Need, in_blocks, spaces, warnings


@dataclass(frozen=True, slots=True, eq=False)
class CatFacts:
    """The index, the output, the stores."""

    index: IndexFacts | None
    output: FileFacts
    stores: tuple[StoreFacts, ...]
    seeds: tuple[SeedFacts, ...] = ()
    disk: DiskFacts | None = None
    """The file system of an output that is a file."""
    cache: CachePlace | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CatDetail:
    """The range to write and the positions that cover it."""

    index: Index
    begin: int
    end: int
    first: int
    last: int
    """One past the last position that has bytes of the range."""
    seeds: tuple[SeedFacts, ...]
    disk: DiskFacts | None = None
    cache: CachePlace | None = None


def plan_cat(spec: CatSpec, facts: CatFacts) -> Decision:
    """Decide which chunks the range needs; a range past the end is refused before any output."""
    found = need_index(facts.index, spec.index)
    need_stores(facts.stores, found.index)
    need_apart(facts.output, found)
    index = found.index
    begin = spec.offset
    end = index.blob_size if spec.length is None else begin + spec.length
    if begin > index.blob_size or end > index.blob_size:
        raise UsageError(
            f"bytes {begin} to {end} are past the end of the blob, which has {index.blob_size}; "
            "correct offset and length"
        )
    first = index.ended_by(begin)
    last = index.ended_by(end - 1) + 1 if end > begin else first
    detail = CatDetail(index, begin, end, first, last, facts.seeds, facts.disk, facts.cache)
    distinct = index.distinct(first, last)
    places = Places(spec.cache, spec.stores)
    plain = index.lengths_at(distinct)
    stores = fetched_cost(Fetched(places, plain, np.ones_like(plain), facts.cache))
    reads = tuple(replace(one, exact=False) for one in stores.reads)
    return decide_listing(facts.output, _cost(detail, replace(stores, reads=reads)), detail)


@dataclass(frozen=True, slots=True, eq=False)
class CatReading:
    """What a range is read from: each batch asks for each of its distinct chunks once."""

    zeros: Ranges
    """Positions that are zeros of the largest size, which nobody is asked for."""
    seeded: tuple[Positions, ...]
    """For each seed, a position of each chunk that it gives, as often as it is asked."""
    fetched: Positions
    """A position of each distinct chunk that no seed has."""
    times: NDArray[np.int64]
    """How often each of `fetched` is asked for."""


def cat_reading(detail: CatDetail, batch: NDArray[np.int64], zero_id: bytes) -> CatReading:
    """Return what is read from where; `batch` is the number of each position's batch."""
    index = detail.index
    first, group, theirs = number_chunks(index, [seed.index for seed in detail.seeds])
    zero_groups = (index.ids_at(first) == np.frombuffer(zero_id, np.uint8)).all(axis=1)
    mine = group[detail.first : detail.last]
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
        seeded.append(at[here] + detail.first)
        at = at[~here]
    _, once, times = np.unique(mine[at], return_index=True, return_counts=True)
    return CatReading(_shifted(zero, detail.first), tuple(seeded), at[once] + detail.first, times)


def _shifted(marks: NDArray[np.bool_], by: int) -> Ranges:
    ranges = Ranges.of(marks)
    return Ranges(ranges.first + by, ranges.last + by)


def cat_cost(spec: CatSpec, detail: CatDetail, reading: CatReading, holdings: Holdings) -> Cost:
    """Return the cost of a range by place; `holdings` are what those said of `reading.fetched`."""
    index = detail.index
    plain = index.lengths_at(reading.fetched)
    places = Places(spec.cache, spec.stores)
    stores = fetched_cost(Fetched(places, plain, reading.times, detail.cache, holdings))
    amounts = [
        Amount(
            f"seed {seed.name}",
            plain_size(index, positions),
            len(positions),
            source=Source.SEED,
            price=PRICES[Source.SEED],
        )
        for seed, positions in zip(detail.seeds, reading.seeded, strict=True)
    ]
    size, price = ranges_size(index, reading.zeros), PRICES[Source.ZEROS]
    zeros = Amount("zeros", size, len(reading.zeros), source=Source.ZEROS, price=price)
    return _cost(detail, replace(stores, reads=(*stores.reads, *amounts, zeros)))


def _cost(detail: CatDetail, stores: FetchedCost) -> Cost:
    size, disk = detail.end - detail.begin, detail.disk
    needs = list(stores.needs)
    if disk is not None:
        room = in_blocks(np.array([size]), disk.block)
        needs.insert(0, Need("the output", disk, room, room))
    space = spaces(needs)
    return Cost(
        stores.reads,
        (Amount("output", size), *stores.writes),
        work=size,
        space=space,
        warnings=(*stores.warnings, *warnings(space)),
    )
