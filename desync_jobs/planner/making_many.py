"""Deciding a `make` of many blobs: each by itself, whatever becomes of the others."""

from dataclasses import dataclass
from typing import Final

from desync_jobs.manifest.operations.make import MakeSpec, OneMakeSpec
from desync_jobs.planner.making import MakeFacts, plan_blob_made
from desync_jobs.planner.needed import need_size
from desync_jobs.planner.parts import Part, Words, naming, parts_decision
from desync_jobs.planner.separate import need_separate
from desync_jobs.planner.step import Decision

_WORDS: Final = Words("to be made", "what describes the blobs, and the store has every chunk")
_WITHOUT_STORE: Final = Words("to be made", "what describes the blobs")


@dataclass(frozen=True, slots=True)
class BlobMadeFacts:
    """What is there before one of the blobs is made into chunks."""

    spec: OneMakeSpec
    facts: MakeFacts
    place: str
    """Path of the index, links followed, or its URL."""


@dataclass(frozen=True, slots=True)
class MakingManyFacts:
    """What is there before the blobs are made into chunks, in their order."""

    blobs: tuple[BlobMadeFacts, ...]


def plan_making_many(spec: MakeSpec, facts: MakingManyFacts) -> Decision:
    """Decide for each blob whether it is to be cut; the blobs keep their order.

    Raises what deciding about one of them raises, and `UsageError` where the files are not all
    different ones.
    """
    targets = [one.facts.index for one in facts.blobs]
    blobs = [need_size(one.facts.blob) for one in facts.blobs]
    need_separate(targets, [one.place for one in facts.blobs], blobs, in_place=False)
    parts = []
    for one in facts.blobs:
        with naming(one.facts.index.path):
            parts.append(Part(one.spec, one.spec.index, plan_blob_made(one.spec, one.facts)))
    return parts_decision(parts, _WITHOUT_STORE if spec.store is None else _WORDS)
