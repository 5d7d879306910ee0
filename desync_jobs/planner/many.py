"""Deciding an `extract` of many blobs: one after the other, each a seed of those after it.

A blob that is in its place, whether it was found whole or is written by then, gives its chunks to
the others. So each distinct chunk is fetched once over all of them, and goes to every place that
it has in any target.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.formats.index import Index
from desync_jobs.formats.unique import unique_chunks
from desync_jobs.manifest.operations.extract import ExtractSpec, OneExtractSpec
from desync_jobs.planner.blob import ExtractFacts, plan_blob
from desync_jobs.planner.facts import FileFacts, FileKind, SeedFacts
from desync_jobs.planner.needed import need_index
from desync_jobs.planner.parts import Part, Words, naming, parts_decision
from desync_jobs.planner.separate import need_separate
from desync_jobs.planner.step import Decision

_WORDS: Final = Words("to be written", "what the indexes describe")
_OTHERS: Final = "other targets"
"""How the cost of the whole calls the blobs that were seeds of others."""


@dataclass(frozen=True, slots=True, eq=False)
class BlobFacts:
    """What is there before one of the blobs is put together."""

    spec: OneExtractSpec
    facts: ExtractFacts
    place: str
    """Path of the target, links followed."""


@dataclass(frozen=True, slots=True, eq=False)
class ManyFacts:
    """What is there before the blobs are put together, in their order."""

    blobs: tuple[BlobFacts, ...]


def plan_many(spec: ExtractSpec, facts: ManyFacts) -> Decision:
    """Decide for each blob where each chunk comes from; the blobs keep their order.

    Raises what deciding about one of them raises, with its target named, and `UsageError` where
    the files are not all different ones.
    """
    indexes = [need_index(one.facts.index, one.spec.index) for one in facts.blobs]
    targets = [one.facts.target for one in facts.blobs]
    need_separate(targets, [one.place for one in facts.blobs], indexes, in_place=spec.in_place)
    planning = _Planning(facts.blobs, [found.index for found in indexes])
    decisions = planning.decisions()
    parts = [
        Part(one.spec, one.spec.target, decision)
        for one, decision in zip(facts.blobs, decisions, strict=True)
    ]
    renamed = {f"seed {one.target}": _OTHERS for one in parts}
    return parts_decision(parts, _WORDS, renamed)


class _Planning:
    """Deciding blob by blob, with what is whole by then."""

    def __init__(self, blobs: Sequence[BlobFacts], indexes: Sequence[Index]) -> None:
        self._blobs = blobs
        self._indexes = indexes
        self._holders = _Holders(indexes)
        self._whole: set[int] = set()
        """Numbers of the blobs that are in their place."""
        self._targets = {
            one.facts.target.identity: number
            for number, one in enumerate(blobs)
            if one.facts.target.present
        }

    def decisions(self) -> list[Decision]:
        """Return one for each blob, in their order."""
        decided = {
            number: decision
            for number in range(len(self._blobs))
            if (decision := self._found_whole(number)) is not None
        }
        for number in decided:
            self._put(number)
        for number in range(len(self._blobs)):
            if number not in decided:
                decided[number] = self._decide(number)
                self._put(number)
        return [decided[number] for number in range(len(self._blobs))]

    def _put(self, number: int) -> None:
        self._whole.add(number)
        self._holders.put(number)

    def _found_whole(self, number: int) -> Decision | None:
        """Decide about a blob where its target has all of it already, by itself.

        What an earlier run left beside the target, or has only noted, is not in it.
        """
        spec, facts = self._blobs[number].spec, self._blobs[number].facts
        if facts.right is None or not facts.right.all() or facts.resumed:
            return None
        with naming(facts.target.path):
            return plan_blob(spec, facts)

    def _decide(self, number: int) -> Decision:
        blob = self._blobs[number]
        seeds = (*self._declared(number), *self._siblings(number))
        with naming(blob.facts.target.path):
            return plan_blob(blob.spec, replace(blob.facts, seeds=seeds))

    def _declared(self, number: int) -> Iterator[SeedFacts]:
        """Yield the seeds of the manifest that are still what they were when they were declared."""
        for seed in self._blobs[number].facts.seeds:
            target = self._targets.get(seed.blob.identity)
            if target is None or target == number:
                yield seed
            elif target not in self._whole:
                # An earlier run may have begun to change it.
                yield replace(seed, written=True)

    def _siblings(self, number: int) -> Iterator[SeedFacts]:
        facts = self._blobs[number].facts
        wanted = ~_zeros(self._indexes[number], facts.zero_ids)
        told = self._blobs[number].spec.in_place or facts.resumed
        if told and facts.right is not None:
            wanted &= ~facts.right
        for holder in self._holders.of(number, wanted):
            spec, index = self._blobs[holder].spec, self._indexes[holder]
            target = self._blobs[holder].facts.target
            kind = target.kind if target.present else FileKind.REGULAR
            blob = FileFacts(target.path, kind, index.blob_size)
            yield SeedFacts(spec.target, blob, index, written=True)


class _Holders:
    """Who has each chunk: of several, the one that had it put there last.

    Of successive versions of a thing that is nearly always the one before, so that
    few files serve all that can be served.
    """

    def __init__(self, indexes: Sequence[Index]) -> None:
        self._rows = [index.rows for index in indexes]
        ids = [rows.run_ids for rows in self._rows]
        first, group = unique_chunks(np.concatenate(ids))
        self._numbers = np.split(group, np.cumsum([len(one) for one in ids])[:-1])
        """Numbers of chunks, run by run."""
        self._holder = np.full(len(first), -1, np.int64)

    def put(self, blob: int) -> None:
        """Take note that a blob is in its place."""
        self._holder[self._numbers[blob]] = blob

    def of(self, blob: int, wanted: NDArray[np.bool_]) -> list[int]:
        """Return, latest first, who has chunks that `blob` wants at the positions `wanted`."""
        numbers = self._rows[blob].spread(self._numbers[blob])[wanted]
        found = np.unique(self._holder[numbers])
        holders: list[int] = found[found >= 0][::-1].tolist()
        return holders


def _zeros(index: Index, zero_ids: frozenset[bytes]) -> NDArray[np.bool_]:
    """Return which positions are zeros, which nobody needs to have."""
    ids = index.rows.run_ids
    zeros = np.zeros(len(ids), np.bool_)
    for zero_id in zero_ids:
        zeros |= (ids == np.frombuffer(zero_id, np.uint8)).all(axis=1)
    return index.rows.spread(zeros)
