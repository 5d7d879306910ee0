"""Deciding what is to be done to make one blob into chunks, and to write its index."""

from dataclasses import dataclass
from typing import Final

from desync_jobs.manifest.operations.make import MakeSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.needed import need_apart, need_blob
from desync_jobs.planner.step import Action, Decision
from desync_jobs.report.words import counted

DIFFERENT: Final = "the blob is not what its index describes"
"""Why an index is not the blob's where that takes reading the blob."""


@dataclass(frozen=True, slots=True)
class MakeFacts:
    """What is there before a blob is made into chunks."""

    blob: FileFacts
    index: FileFacts
    difference: str | None
    """Why the index there is not the blob's, as a clause; None where it is."""
    missing: int
    """Distinct chunks of that index which the store does not have."""
    chunks: int = 0
    """Chunks of that index."""


def plan_blob_made(spec: MakeSpec, facts: MakeFacts) -> Decision:
    """Decide from `facts`; the blob's chunks are known only once it is cut, so costs are bounds."""
    blob = need_blob(facts.blob)
    need_apart(facts.index, blob)
    if facts.difference is None and not facts.missing:
        return Decision(
            Action.UNCHANGED,
            "the index is the blob's and the store has every chunk",
            statistics={
                "bytes": blob.size,
                "chunks": facts.chunks,
                "chunks_stored": 0,
                "bytes_stored": 0,
            },
        )
    reason = facts.difference or f"the store lacks {counted(facts.missing, 'chunk')} of the index"
    chunks = -(-blob.size // spec.chunk_size.minimum)
    writes = (
        () if spec.store is None else (Amount(spec.store, blob.size, chunks, chunks, exact=False),)
    )
    cost = Cost((Amount("blob", blob.size, exact=blob.size > 0),), writes, work=blob.size)
    return Decision(Action.RUN, reason, cost, changes=True, detail=blob)
