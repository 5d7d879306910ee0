"""What an extraction costs, source by source, and the room it needs."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.matching import Runs
from desync_jobs.core.prices import PRICES, Source
from desync_jobs.core.ranges import Ranges
from desync_jobs.core.segments import Positions
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.extraction import (
    ExtractDetail,
    plain_size,
    ranges_size,
    shares_blocks,
)
from desync_jobs.planner.facts import DiskFacts, FileFacts, FileKind, SeedFacts
from desync_jobs.planner.fetched import Fetched, fetched_cost
from desync_jobs.planner.holdings import Holdings, Places
from desync_jobs.planner.space import Need, covered_blocks, in_blocks, spaces, warnings


def extraction_cost(
    spec: ExtractSpec, detail: ExtractDetail, holdings: Holdings | None = None
) -> Cost:
    """Return what it reads by source and writes; exact as long as nothing changes meanwhile.

    `holdings` are what places said of the chunks at `detail.assembly.fetched.sources`.
    """
    index, assembly = detail.index, detail.assembly
    places = Ranges.of(_written(detail))
    sources = assembly.fetched.sources
    plain = index.lengths_at(sources)
    asked = Places(spec.cache, spec.stores)
    stores = fetched_cost(Fetched(asked, plain, np.ones_like(plain), detail.cache, holdings))
    local = (
        *_seed_amounts(detail),
        *_copied(index, assembly.copied.sources),
        *_in_place(index, Ranges.of(detail.held)),
        _amount("zeros", Source.ZEROS, index, assembly.zeros),
    )
    written = ranges_size(index, places)
    space = spaces((*_target_needs(spec, detail, places), *stores.needs))
    return Cost(
        (*stores.reads, *local),
        (Amount("target", written, len(places)), *stores.writes),
        work=written,
        space=space,
        warnings=(*stores.warnings, *warnings(space)),
    )


def _written(detail: ExtractDetail) -> NDArray[np.bool_]:
    """Return which positions are written with other than zeros."""
    written = ~detail.held
    for begin, end in detail.assembly.zeros.blocks():
        written[begin:end] = False
    return written


def _seed_amounts(detail: ExtractDetail) -> Iterator[Amount]:
    for number, seed in enumerate(detail.seeds):
        runs = _of(detail.assembly.seeded, number)
        shares = detail.disk is not None and shares_blocks(seed, detail.disk)
        source = Source.CLONE if shares else Source.SEED
        yield _amount(f"seed {seed.name}", source, detail.index, Ranges(runs.first, runs.last))


def _copied(index: Index, sources: Positions) -> Iterator[Amount]:
    if len(sources):
        size, price = plain_size(index, sources), PRICES[Source.SELF]
        yield Amount("target", size, len(sources), source=Source.SELF, price=price)


def _in_place(index: Index, held: Ranges) -> Iterator[Amount]:
    if len(held):
        yield _amount("in place", Source.IN_PLACE, index, held)


def _amount(place: str, source: Source, index: Index, ranges: Ranges) -> Amount:
    size = ranges_size(index, ranges)
    return Amount(place, size, len(ranges), source=source, price=PRICES[source])


def _target_needs(spec: ExtractSpec, detail: ExtractDetail, places: Ranges) -> Iterator[Need]:
    disk = detail.disk
    if disk is None:
        return
    shared = sum(
        int(_shareable(detail, seed, _of(detail.assembly.seeded, number), disk).sum())
        for number, seed in enumerate(detail.seeds)
    )
    if detail.begun is not None and detail.begun.kind is FileKind.REGULAR:
        lower, upper = _room_in(detail.begun, detail.index, places, disk)
    else:
        lower = upper = _covered(detail.index, places, disk.block)
    yield Need("the target", disk, max(lower - shared, 0), upper)
    if spec.in_place:
        yield from _copies(detail, disk)


def _room_in(begun: FileFacts, index: Index, places: Ranges, disk: DiskFacts) -> tuple[int, int]:
    """Return the room for what is written into a file that is there.

    Blocks it has are written again. Where blocks may be shared with other files, none of them
    may be its own.
    """
    written = _covered(index, places, disk.block)
    lower = max(written - begun.allocated, 0)
    if disk.shares:
        return lower, max(written, lower)
    beyond = max(begun.size - index.blob_size, 0)
    holes = in_blocks(np.array([index.blob_size]), disk.block) - max(begun.allocated - beyond, 0)
    return lower, max(min(written, holes), lower)


def _copies(detail: ExtractDetail, disk: DiskFacts) -> Iterator[Need]:
    """Yield the room for what is set aside of seeds that are the target."""
    for number, seed in enumerate(detail.seeds):
        if seed.blob.identity is not None and seed.blob.identity == detail.target.identity:
            runs = _of(detail.assembly.seeded, number)
            size = in_blocks(_run_sizes(detail.index, runs), disk.block)
            yield Need(f"a copy of seed {seed.name}", disk, 0 if disk.shares else size, size)


def _shareable(
    detail: ExtractDetail, seed: SeedFacts, runs: Runs, disk: DiskFacts
) -> NDArray[np.int64]:
    """Return the bytes of whole blocks that each run could share instead of copying them."""
    begin, source = detail.index.starts_at(runs.first), seed.index.starts_at(runs.at)
    end = begin + _run_sizes(detail.index, runs)
    block = disk.block
    # A block that the end of the seed cuts off counts as whole.
    whole = -(-end // block) * block - begin // block * block
    alike = (begin - source) % block == 0
    return np.where(alike & shares_blocks(seed, disk), whole, 0)


def _run_sizes(index: Index, runs: Runs) -> NDArray[np.int64]:
    return index.ends_at(runs.last - 1) - index.starts_at(runs.first)


def _covered(index: Index, places: Ranges, block: int) -> int:
    return covered_blocks(index.starts_at(places.first), index.ends_at(places.last - 1), block)


def _of(runs: Runs, number: int) -> Runs:
    mine = runs.seed == number
    return Runs(runs.first[mine], runs.last[mine], runs.seed[mine], runs.at[mine])
