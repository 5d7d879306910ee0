"""Deciding `extract`: put one blob together from its index, or many."""

from typing import TYPE_CHECKING

from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.blob import ExtractFacts, plan_blob
from desync_jobs.planner.step import Decision

if TYPE_CHECKING:
    from desync_jobs.planner.many import ManyFacts


def plan_extract(spec: ExtractSpec, facts: "ExtractFacts | ManyFacts") -> Decision:
    """Decide from `facts` where each chunk of each blob comes from."""
    if isinstance(facts, ExtractFacts):
        return plan_blob(spec.of_one(*spec.listed), facts)
    # Imported where it is needed: most extractions are about one blob.
    from desync_jobs.planner.many import plan_many

    return plan_many(spec, facts)
