"""What an extraction does, in figures: its cost before, its statistics after."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.matching import Numbers, Offer, Runs
from desync_jobs.core.ranges import Ranges
from desync_jobs.core.segments import Assembly, Positions, Segments, assign
from desync_jobs.formats.index import Index
from desync_jobs.formats.unique import unique_chunks
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, IndexFacts, SeedFacts


@dataclass(frozen=True, slots=True, eq=False)
class ExtractDetail:
    """What the doer of an extraction does."""

    found: IndexFacts
    target: FileFacts
    assembly: Assembly
    held: NDArray[np.bool_]
    """Which positions the target has right already."""
    seeds: tuple[SeedFacts, ...]
    begun: FileFacts | None = None
    """What is written to where that is there already: the target, or what an earlier run left of
    its next version. None where the file is new, so that what nobody writes is a hole."""

    @property
    def index(self) -> Index:
        """The index of the blob."""
        return self.found.index

    @property
    def complete(self) -> bool:
        """Whether the target is right, and nothing but tidying up is left to do."""
        return self.begun is None and bool(self.held.all()) and len(self.held) > 0

    def statistics(self) -> dict[str, int]:
        """Return what is counted of this extraction, by the names of the result."""
        return self.statistics_with(self.assembly.fetched)

    def statistics_with(self, fetched: Segments) -> dict[str, int]:
        """Return what is counted where stores give just `fetched`."""
        index = self.index
        zeros = ranges_size(index, self.assembly.zeros)
        lacking = ranges_size(index, Ranges.of(~self.held))
        asked = plain_size(index, fetched.sources)
        kept = int(np.count_nonzero(self.held))
        return {
            "bytes_total": index.blob_size,
            "chunks_total": len(index),
            "chunks_from_store": len(fetched),
            "chunks_in_place": kept,
            "chunks_from_seeds": len(index) - kept - len(fetched),
            "bytes_from_store": asked,
            "bytes_copied_from_seeds": lacking - zeros - asked,
            "bytes_cloned_from_seeds": 0,
            "seeds": 1 + len(self.seeds),
        }


def number_chunks(index: Index, seeds: Sequence[Index]) -> tuple[Positions, Numbers, list[Numbers]]:
    """Give equal chunks of the index and of the seeds equal numbers.

    Returns the first position in the index of each of its distinct chunks, the numbers of its
    positions, and those of each seed. The chunks of the index have the lowest numbers.
    """
    rows = [one.rows for one in (index, *seeds)]
    tables = [one.run_ids for one in rows]
    first, group = unique_chunks(np.concatenate(tables) if seeds else tables[0])
    edges = np.cumsum([len(table) for table in tables])
    mine, *theirs = np.split(group, edges[:-1])
    distinct = int(mine.max()) + 1 if len(mine) else 0
    spread = [one.spread(numbers) for one, numbers in zip(rows[1:], theirs, strict=True)]
    return rows[0].firsts(first[:distinct]), rows[0].spread(mine), spread


def assign_again(
    detail: ExtractDetail, right: NDArray[np.bool_], seeds: Sequence[Index]
) -> Assembly:
    """Decide anew where what is not `right` by now comes from, with the seeds that are left."""
    first, group, seeded = number_chunks(detail.index, seeds)
    is_zero = np.zeros(len(first), np.bool_)
    for begin, end in detail.assembly.zeros.blocks():
        is_zero[group[begin:end]] = True
    return assign(first, group, np.flatnonzero(is_zero), right, Offer(seeded))


def extraction_cost(spec: ExtractSpec, detail: ExtractDetail) -> Cost:
    """Return what it reads by source and writes; exact as long as nothing changes meanwhile."""
    index, assembly = detail.index, detail.assembly
    fetched = plain_size(index, assembly.fetched.sources)
    seeded = Ranges(assembly.seeded.first, assembly.seeded.last)
    places = (assembly.fetched.places, assembly.copied.places)
    written = sum(plain_size(index, positions) for positions in places)
    written += ranges_size(index, seeded)
    reads = [_amount("+".join(spec.stores), index, assembly.fetched)]
    reads += _seed_amounts(index, assembly.seeded, detail.seeds)
    if len(assembly.copied):
        reads.append(_amount("target", index, assembly.copied, asked=False))
    zeros = Amount("zeros", ranges_size(index, assembly.zeros), len(assembly.zeros))
    writes = [Amount("target", written, sum(map(len, places)) + len(seeded))]
    if spec.cache is not None:
        writes.append(Amount(spec.cache, fetched, len(assembly.fetched), exact=False))
    return Cost((*reads, zeros), tuple(writes), work=written)


def _seed_amounts(index: Index, runs: Runs, seeds: tuple[SeedFacts, ...]) -> list[Amount]:
    amounts = []
    for number, seed in enumerate(seeds):
        mine = runs.seed == number
        ranges = Ranges(runs.first[mine], runs.last[mine])
        amounts.append(Amount(f"seed {seed.name}", ranges_size(index, ranges), len(ranges)))
    return amounts


def _amount(place: str, index: Index, segments: Segments, *, asked: bool = True) -> Amount:
    count = len(segments)
    return Amount(place, plain_size(index, segments.sources), count, count if asked else 0)


def plain_size(index: Index, positions: Positions) -> int:
    """Return the plain bytes of the chunks at `positions`, repeats counted again."""
    return int(index.lengths_at(positions).sum())


def ranges_size(index: Index, ranges: Ranges) -> int:
    """Return the bytes of the blob that `ranges` cover."""
    return int((index.ends_at(ranges.last - 1) - index.starts_at(ranges.first)).sum())
