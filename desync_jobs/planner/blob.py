"""Deciding how one blob is put together from its index: what is right, what comes from where."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.segments import Positions, assign
from desync_jobs.errors import TargetError
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.extract import ExtractSpec, OneExtractSpec
from desync_jobs.planner.extraction import ExtractDetail, number_chunks, offered
from desync_jobs.planner.extraction_cost import extraction_cost
from desync_jobs.planner.facts import (
    DiskFacts,
    FileFacts,
    FileKind,
    IndexFacts,
    SeedFacts,
    StoreFacts,
)
from desync_jobs.planner.fetched import CachePlace
from desync_jobs.planner.needed import need_apart, need_index, need_stores
from desync_jobs.planner.step import Action, Decision

_TIDIED: Final = "the target is what the index describes; an earlier run left files behind"
_BLOCK: Final = 1 << 16
"""Chunks looked at together, so that temporary arrays stay small."""


@dataclass(frozen=True, slots=True, eq=False)
class ExtractFacts:
    """What is there before a blob is put together."""

    index: IndexFacts | None
    target: FileFacts
    right: NDArray[np.bool_] | None
    """Which positions the target has right already; None where it was not looked at."""
    zero_ids: frozenset[bytes]
    """IDs of this index that are zeros only."""
    stores: tuple[StoreFacts, ...]
    seeds: tuple[SeedFacts, ...] = ()
    disk: DiskFacts | None = None
    """The file system of a target that is a file."""
    cache: CachePlace | None = None
    resumed: bool = False
    """Whether `right` is by the journal of an earlier run, whose end is not sure to be synced."""
    staged: FileFacts | None = None
    """What an earlier run left of the target's next version, where `right` is about that."""
    leftovers: bool = False
    """Whether files of an earlier run are left behind."""


def plan_blob(spec: OneExtractSpec, facts: ExtractFacts) -> Decision:
    """Decide from `facts` where each chunk comes from."""
    found = need_index(facts.index, spec.index)
    need_stores(facts.stores, found.index)
    need_apart(facts.target, found)
    _check_target(spec, facts.target, found.index)
    index = found.index
    complete = _complete(index, facts)
    right = facts.right if spec.in_place or complete or facts.resumed else None
    if right is None:
        right = np.zeros(len(index), np.bool_)
    seeds = () if complete else facts.seeds
    first, group, seeded = number_chunks(index, [seed.index for seed in seeds])
    offer = offered(index, seeded, seeds, facts.disk)
    zero_groups = _zero_groups(index, first, facts.zero_ids)
    detail = ExtractDetail(
        found=found,
        target=facts.target,
        assembly=assign(first, group, zero_groups, right, offer),
        held=right,
        seeds=seeds,
        begun=_begun(spec, facts),
        disk=facts.disk,
        cache=facts.cache,
    )
    if complete and facts.leftovers:
        return Decision(Action.RUN, _TIDIED, changes=True, detail=detail)
    if complete:
        return Decision(
            Action.UNCHANGED,
            "the target already is what the index describes",
            statistics=detail.statistics(),
        )
    return Decision(
        Action.RUN,
        _reason(spec, facts, detail),
        extraction_cost(spec, detail),
        changes=True,
        detail=detail,
    )


def _begun(spec: ExtractSpec, facts: ExtractFacts) -> FileFacts | None:
    if not spec.in_place:
        return facts.staged
    return facts.target if facts.target.present else None


def _check_target(spec: ExtractSpec, target: FileFacts, index: Index) -> None:
    if target.kind is FileKind.DIRECTORY:
        raise TargetError(f"{target.path} is a directory; name a file in it")
    if target.kind is FileKind.STREAM:
        raise TargetError(
            f"{target.path} is no file or block device; `cat` writes to pipes and the like"
        )
    if target.kind is FileKind.DEVICE:
        if not spec.in_place:
            raise TargetError(
                f"{target.path} is a device: it is written only in place (-k, in_place = true)"
            )
        if target.size < index.blob_size:
            raise TargetError(
                f"{target.path} has {target.size} bytes, the blob {index.blob_size}; "
                "use a larger device"
            )


def _complete(index: Index, facts: ExtractFacts) -> bool:
    if facts.right is None or not facts.right.all() or facts.resumed:
        return False
    return facts.target.kind is FileKind.DEVICE or facts.target.size == index.blob_size


def _zero_groups(index: Index, first: Positions, zero_ids: Iterable[bytes]) -> Positions:
    wanted = [np.frombuffer(zero_id, np.uint8) for zero_id in zero_ids]
    found: list[int] = []
    for at in range(0, len(first), _BLOCK):
        ids = index.ids_at(first[at : at + _BLOCK])
        for zero_id in wanted:
            candidates = np.flatnonzero(ids[:, 0] == zero_id[0])
            equal = (ids[candidates] == zero_id).all(axis=1)
            found.extend((candidates[equal] + at).tolist())
    return np.array(sorted(found), np.int64)


def _reason(spec: ExtractSpec, facts: ExtractFacts, detail: ExtractDetail) -> str:
    if facts.resumed:
        done = int(detail.held.sum())
        return f"an earlier run was interrupted with {done:,} of {len(detail.index):,} chunks right"
    if not facts.target.present:
        return "the target does not exist"
    if spec.in_place:
        return f"{int(detail.held.sum()):,} of {len(detail.index):,} chunks of the target are right"
    return "the target is not what the index describes"
