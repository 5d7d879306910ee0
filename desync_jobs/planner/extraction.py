"""What an extraction does: where each chunk comes from, and its statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.matching import Blocks, Numbers, Offer
from desync_jobs.core.ranges import Ranges
from desync_jobs.core.segments import Assembly, Positions, Segments, assign
from desync_jobs.formats.index import Index
from desync_jobs.formats.unique import unique_chunks
from desync_jobs.planner.facts import DiskFacts, FileFacts, FileKind, IndexFacts, SeedFacts
from desync_jobs.planner.fetched import CachePlace

_BLOCK: Final = 1 << 18
"""Positions handled at a time."""


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
    disk: DiskFacts | None = None
    """The file system of a target that is a file."""
    cache: CachePlace | None = None

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


def offered(
    index: Index,
    numbers: Sequence[Numbers],
    seeds: Sequence[SeedFacts],
    disk: DiskFacts | None,
) -> Offer:
    """Return what `seeds` offer, whose chunks have `numbers`, and where it could share blocks."""
    if disk is None or not any(shares_blocks(seed, disk) for seed in seeds):
        return Offer(numbers)
    block = disk.block
    blocks = [
        _within_blocks(seed.index, block)
        if shares_blocks(seed, disk)
        else np.full(len(seed.index), -1, np.int32)
        for seed in seeds
    ]
    return Offer(numbers, Blocks(_within_blocks(index, block), blocks))


def shares_blocks(seed: SeedFacts, disk: DiskFacts) -> bool:
    """Whether a seed is a file that may share blocks with files on `disk`."""
    blob = seed.blob
    if not disk.shares or blob.kind is not FileKind.REGULAR:
        return False
    # Where another target will be, nobody looked.
    return seed.written if blob.identity is None else blob.identity[0] == disk.device


def assign_again(
    detail: ExtractDetail, right: NDArray[np.bool_], seeds: Sequence[SeedFacts]
) -> Assembly:
    """Decide anew where what is not `right` by now comes from, with the seeds that are left."""
    index = detail.index
    first, group, seeded = number_chunks(index, [seed.index for seed in seeds])
    is_zero = np.zeros(len(first), np.bool_)
    for begin, end in detail.assembly.zeros.blocks():
        is_zero[group[begin:end]] = True
    offer = offered(index, seeded, seeds, detail.disk)
    return assign(first, group, np.flatnonzero(is_zero), right, offer)


def plain_size(index: Index, positions: Positions) -> int:
    """Return the plain bytes of the chunks at `positions`, repeats counted again."""
    return int(index.lengths_at(positions).sum())


def ranges_size(index: Index, ranges: Ranges) -> int:
    """Return the bytes of the blob that `ranges` cover."""
    return int((index.ends_at(ranges.last - 1) - index.starts_at(ranges.first)).sum())


def _within_blocks(index: Index, block: int) -> Numbers:
    """Return where in its block each chunk begins; small arrays, whatever the index's length."""
    found = np.empty(len(index), np.int32)
    for at in range(0, len(found), _BLOCK):
        positions = np.arange(at, min(at + _BLOCK, len(found)), dtype=np.int64)
        found[at : at + _BLOCK] = index.starts_at(positions) % block
    return found
