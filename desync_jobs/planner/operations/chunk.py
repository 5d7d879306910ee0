"""Deciding `chunk`: list where a blob would be cut, and store nothing."""

from dataclasses import dataclass

from desync_jobs.errors import UsageError
from desync_jobs.manifest.operations.chunk import ChunkSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart, need_blob
from desync_jobs.planner.step import Decision


@dataclass(frozen=True, slots=True)
class ChunkFacts:
    """The blob and the output."""

    blob: FileFacts
    output: FileFacts


def plan_chunk(spec: ChunkSpec, facts: ChunkFacts) -> Decision:
    """Decide to read the blob from `start` on."""
    blob = need_blob(facts.blob)
    need_apart(facts.output, blob)
    if blob.kind is not FileKind.STREAM and spec.start > blob.size:
        raise UsageError(
            f"start {spec.start} is past the end of {blob.path}, which has {blob.size} bytes"
        )
    size = max(blob.size - spec.start, 0)
    cost = Cost((Amount("blob", size, exact=size > 0),), work=size)
    return decide_listing(facts.output, cost, blob)
