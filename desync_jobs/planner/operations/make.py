"""Deciding `make`: cut one blob, or many."""

from typing import TYPE_CHECKING

from desync_jobs.manifest.operations.make import MakeSpec
from desync_jobs.planner.making import MakeFacts, plan_blob_made
from desync_jobs.planner.step import Decision

if TYPE_CHECKING:
    from desync_jobs.planner.making_many import MakingManyFacts


def plan_make(spec: MakeSpec, facts: "MakeFacts | MakingManyFacts") -> Decision:
    """Decide from `facts`; a blob's chunks are known only once it is cut, so costs are bounds."""
    if isinstance(facts, MakeFacts):
        return plan_blob_made(spec, facts)
    # Imported where it is needed: most operations are about one blob.
    from desync_jobs.planner.making_many import plan_making_many

    return plan_making_many(spec, facts)
