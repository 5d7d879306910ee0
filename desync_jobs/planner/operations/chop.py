"""Deciding `chop`: keep the chunks of a blob whose index exists."""

from dataclasses import dataclass

from desync_jobs.core.segments import Positions
from desync_jobs.errors import BlobMismatchError
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.chop import ChopSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.extraction import plain_size
from desync_jobs.planner.facts import FileFacts, IndexFacts
from desync_jobs.planner.needed import need_index, need_size
from desync_jobs.planner.step import Action, Decision
from desync_jobs.report.words import counted


@dataclass(frozen=True, slots=True, eq=False)
class ChopFacts:
    """The index, the blob, and what the store lacks."""

    index: IndexFacts | None
    blob: FileFacts
    lacking: Positions
    """First positions of distinct chunks the store does not have, ignored ones left out."""


@dataclass(frozen=True, slots=True, eq=False)
class ChopDetail:
    """What the doer does."""

    index: Index
    blob: FileFacts
    lacking: Positions


def plan_chop(spec: ChopSpec, facts: ChopFacts) -> Decision:
    """Decide to store the chunks the store lacks."""
    found = need_index(facts.index, spec.index)
    if not len(facts.lacking):
        return Decision(
            Action.UNCHANGED,
            "the store has every chunk of the index",
            statistics={"bytes": 0, "chunks_stored": 0, "bytes_stored": 0},
        )
    blob = need_size(facts.blob)
    if blob.size < found.index.blob_size:
        raise BlobMismatchError(
            f"{blob.path} has {blob.size} bytes, its index {found.path} describes "
            f"{found.index.blob_size}"
        )
    size = plain_size(found.index, facts.lacking)
    count = len(facts.lacking)
    cost = Cost((Amount("blob", size, count),), (Amount(spec.store, size, count, count),), size)
    detail = ChopDetail(found.index, blob, facts.lacking)
    return Decision(
        Action.RUN, f"the store lacks {counted(count, 'chunk')}", cost, changes=True, detail=detail
    )
