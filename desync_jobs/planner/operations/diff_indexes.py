"""Deciding `diff-indexes`: two indexes are read, and nothing else."""

from dataclasses import dataclass

import numpy as np

from desync_jobs.core.segments import Positions
from desync_jobs.errors import UsageError
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.diff_indexes import DiffIndexesSpec
from desync_jobs.planner.cost import NO_COST
from desync_jobs.planner.extraction import number_chunks
from desync_jobs.planner.facts import FileFacts, IndexFacts
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart, need_index
from desync_jobs.planner.step import Decision


@dataclass(frozen=True, slots=True, eq=False)
class DiffIndexesFacts:
    """Both indexes and the output."""

    old: IndexFacts | None
    new: IndexFacts | None
    output: FileFacts


@dataclass(frozen=True, slots=True, eq=False)
class DiffIndexesDetail:
    """Both indexes."""

    old: Index
    new: Index


@dataclass(frozen=True, slots=True)
class Amounts:
    """Some chunks, each different one counted once."""

    chunks: int
    bytes: int


@dataclass(frozen=True, slots=True)
class IndexDifference:
    """What two indexes have, in chunks that differ."""

    old: Amounts
    new: Amounts
    shared: Amounts
    added: Amounts
    """What only the newer has."""
    removed: Amounts
    """What only the older has."""
    download: Amounts
    """What whoever has the older fetches for the newer: what was added, but for zeros."""
    same: bool
    """Whether they describe the same blob, chunk by chunk."""


def plan_diff_indexes(spec: DiffIndexesSpec, facts: DiffIndexesFacts) -> Decision:
    """Count; `UsageError` for indexes whose chunks are named by different digests."""
    old, new = need_index(facts.old, spec.old), need_index(facts.new, spec.new)
    for index in (old, new):
        need_apart(facts.output, index)
    if old.index.algorithm is not new.index.algorithm:
        raise UsageError(
            f"{old.path} names chunks by {old.index.algorithm.value}, {new.path} by "
            f"{new.index.algorithm.value}; there is nothing to compare"
        )
    return decide_listing(facts.output, NO_COST, DiffIndexesDetail(old.index, new.index))


def difference_of(old: Index, new: Index, zero_id: bytes) -> IndexDifference:
    """Count what `old` and `new` have; `zero_id` names what is never fetched for `new`."""
    first, mine, (theirs,) = number_chunks(new, [old])
    shared = np.zeros(len(first), np.bool_)
    known = theirs[theirs < len(first)]
    shared[known] = True
    zeros = (new.ids_at(first) == np.frombuffer(zero_id, np.uint8)).all(axis=1)
    _, once = np.unique(theirs, return_index=True)
    gone = theirs[once] >= len(first)
    return IndexDifference(
        _amounts(old, once),
        _amounts(new, first),
        _amounts(new, first[shared]),
        _amounts(new, first[~shared]),
        _amounts(old, once[gone]),
        _amounts(new, first[~shared & ~zeros]),
        np.array_equal(mine, theirs),
    )


def _amounts(index: Index, positions: Positions) -> Amounts:
    return Amounts(len(positions), int(index.lengths_at(positions).sum()))
