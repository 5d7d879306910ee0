"""Deciding `extract`: put a blob together from its index."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.segments import Assembly, Positions, Segments, assign
from desync_jobs.errors import TargetError
from desync_jobs.formats.index import Index
from desync_jobs.formats.unique import unique_chunks
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts, StoreFacts
from desync_jobs.planner.needed import need_apart, need_index, need_stores
from desync_jobs.planner.plan import Action, Decision


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


@dataclass(frozen=True, slots=True, eq=False)
class ExtractDetail:
    """What the doer does."""

    index: Index
    target: FileFacts
    assembly: Assembly
    kept: int
    """Positions the target has right already."""

    def statistics(self) -> dict[str, int]:
        """Return what is counted of this extraction, by the names of the result."""
        index, assembly = self.index, self.assembly
        repeats = len(assembly.fetched.places) - len(assembly.fetched)
        fetched = plain_size(index, assembly.fetched.sources)
        placed = plain_size(index, assembly.fetched.places)
        return {
            "bytes_total": index.blob_size,
            "chunks_total": len(index),
            "chunks_from_store": len(assembly.fetched),
            "chunks_in_place": self.kept,
            "chunks_from_seeds": len(assembly.zeros) + repeats + len(assembly.copied.places),
            "bytes_from_store": fetched,
            "bytes_copied_from_seeds": plain_size(index, assembly.copied.places) + placed - fetched,
            "bytes_cloned_from_seeds": 0,
            "seeds": 1,
        }


def plan_extract(spec: ExtractSpec, facts: ExtractFacts) -> Decision:
    """Decide from `facts` where each chunk comes from."""
    found = need_index(facts.index, spec.index)
    need_stores(facts.stores, found.index)
    need_apart(facts.target, found)
    _check_target(spec, facts.target, found.index)
    index = found.index
    complete = _complete(index, facts)
    right = facts.right if spec.in_place or complete else None
    if right is None:
        right = np.zeros(len(index), np.bool_)
    first, group = unique_chunks(index.ids)
    assembly = assign(first, group, _zero_groups(index, first, facts.zero_ids), right)
    detail = ExtractDetail(index, facts.target, assembly, int(np.count_nonzero(right)))
    if complete:
        return Decision(
            Action.UNCHANGED,
            "the target already is what the index describes",
            statistics=detail.statistics(),
        )
    return Decision(
        Action.RUN, _reason(spec, facts, detail), _cost(spec, detail), changes=True, detail=detail
    )


def _check_target(spec: ExtractSpec, target: FileFacts, index: Index) -> None:
    if target.kind is FileKind.DIRECTORY:
        raise TargetError(f"{target.path} is a directory; name a file in it")
    if target.kind is FileKind.STREAM:
        raise TargetError(f"{target.path} is a pipe or socket; use `cat` to write a stream")
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
    if facts.right is None or not facts.right.all():
        return False
    return facts.target.kind is FileKind.DEVICE or facts.target.size == index.blob_size


def _zero_groups(index: Index, first: Positions, zero_ids: Iterable[bytes]) -> Positions:
    found: list[int] = []
    for zero_id in zero_ids:
        wanted = np.frombuffer(zero_id, np.uint8)
        same = index.ids[first, 0] == wanted[0]
        candidates = np.flatnonzero(same)
        equal = (index.ids[first[candidates]] == wanted).all(axis=1)
        found.extend(candidates[equal].tolist())
    return np.array(sorted(found), np.int64)


def _reason(spec: ExtractSpec, facts: ExtractFacts, detail: ExtractDetail) -> str:
    if not facts.target.present:
        return "the target does not exist"
    if spec.in_place:
        return f"{detail.kept:,} of {len(detail.index):,} chunks of the target are right"
    return "the target is not what the index describes"


def _cost(spec: ExtractSpec, detail: ExtractDetail) -> Cost:
    index, assembly = detail.index, detail.assembly
    fetched = plain_size(index, assembly.fetched.sources)
    written = sum(
        plain_size(index, positions)
        for positions in (assembly.fetched.places, assembly.copied.places)
    )
    reads = [_amount("+".join(spec.stores), index, assembly.fetched)]
    if len(assembly.copied):
        reads.append(_amount("target", index, assembly.copied, asked=False))
    zeros = Amount("zeros", plain_size(index, assembly.zeros), len(assembly.zeros))
    chunks = len(assembly.fetched.places) + len(assembly.copied.places)
    writes = [Amount("target", written, chunks)]
    if spec.cache is not None:
        writes.append(Amount(spec.cache, fetched, len(assembly.fetched), exact=False))
    return Cost((*reads, zeros), tuple(writes), work=written)


def _amount(place: str, index: Index, segments: Segments, *, asked: bool = True) -> Amount:
    count = len(segments)
    return Amount(place, plain_size(index, segments.sources), count, count if asked else 0)


def plain_size(index: Index, positions: Positions) -> int:
    """Return the plain bytes of the chunks at `positions`, repeats counted again."""
    ends = index.ends[positions].astype(np.int64)
    begins = np.where(positions > 0, index.ends[positions - 1], 0).astype(np.int64)
    return int((ends - begins).sum())
