"""What an extraction does, in figures: its cost before, its statistics after."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.matching import Runs
from desync_jobs.core.segments import Assembly, Positions, Segments
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, SeedFacts


@dataclass(frozen=True, slots=True, eq=False)
class ExtractDetail:
    """What the doer of an extraction does."""

    index: Index
    file_digest: str
    """SHA-256 of the index file, in hex."""
    target: FileFacts
    assembly: Assembly
    groups: tuple[Positions, Positions]
    """First position of each distinct chunk, and the number of the chunk at each position."""
    held: NDArray[np.bool_]
    """Which positions the target has right already."""
    seeds: tuple[SeedFacts, ...]

    def statistics(self) -> dict[str, int]:
        """Return what is counted of this extraction, by the names of the result."""
        index, assembly = self.index, self.assembly
        repeats = len(assembly.fetched.places) - len(assembly.fetched)
        fetched = plain_size(index, assembly.fetched.sources)
        placed = plain_size(index, assembly.fetched.places)
        seeded = run_positions(assembly.seeded)
        at_hand = len(assembly.zeros) + repeats + len(assembly.copied.places) + len(seeded)
        return {
            "bytes_total": index.blob_size,
            "chunks_total": len(index),
            "chunks_from_store": len(assembly.fetched),
            "chunks_in_place": int(np.count_nonzero(self.held)),
            "chunks_from_seeds": at_hand,
            "bytes_from_store": fetched,
            "bytes_copied_from_seeds": plain_size(index, assembly.copied.places)
            + placed
            - fetched
            + plain_size(index, seeded),
            "bytes_cloned_from_seeds": 0,
            "seeds": 1 + len(self.seeds),
        }


def extraction_cost(spec: ExtractSpec, detail: ExtractDetail) -> Cost:
    """Return what it reads by source and writes; exact as long as nothing changes meanwhile."""
    index, assembly = detail.index, detail.assembly
    fetched = plain_size(index, assembly.fetched.sources)
    seeded = run_positions(assembly.seeded)
    places = (assembly.fetched.places, assembly.copied.places, seeded)
    written = sum(plain_size(index, positions) for positions in places)
    reads = [_amount("+".join(spec.stores), index, assembly.fetched)]
    reads += _seed_amounts(index, assembly.seeded, detail.seeds)
    if len(assembly.copied):
        reads.append(_amount("target", index, assembly.copied, asked=False))
    zeros = Amount("zeros", plain_size(index, assembly.zeros), len(assembly.zeros))
    writes = [Amount("target", written, sum(map(len, places)))]
    if spec.cache is not None:
        writes.append(Amount(spec.cache, fetched, len(assembly.fetched), exact=False))
    return Cost((*reads, zeros), tuple(writes), work=written)


def _seed_amounts(index: Index, runs: Runs, seeds: tuple[SeedFacts, ...]) -> list[Amount]:
    amounts = []
    for number, seed in enumerate(seeds):
        mine = runs.seed == number
        positions = run_positions(
            Runs(runs.first[mine], runs.last[mine], runs.seed[mine], runs.at[mine])
        )
        amounts.append(Amount(f"seed {seed.name}", plain_size(index, positions), len(positions)))
    return amounts


def _amount(place: str, index: Index, segments: Segments, *, asked: bool = True) -> Amount:
    count = len(segments)
    return Amount(place, plain_size(index, segments.sources), count, count if asked else 0)


def run_positions(runs: Runs) -> Positions:
    """Return every position that `runs` cover, ascending."""
    lengths = runs.last - runs.first
    before = np.cumsum(lengths) - lengths
    shifts: Positions = np.repeat(runs.first - before, lengths)
    return np.arange(len(shifts), dtype=np.int64) + shifts


def plain_size(index: Index, positions: Positions) -> int:
    """Return the plain bytes of the chunks at `positions`, repeats counted again."""
    ends = index.ends[positions].astype(np.int64)
    begins = np.where(positions > 0, index.ends[positions - 1], 0).astype(np.int64)
    return int((ends - begins).sum())
