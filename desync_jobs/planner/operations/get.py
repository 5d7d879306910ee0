"""Deciding `get`: write an archive whose chunks are in stores."""

from desync_jobs.manifest.operations.get import GetSpec
from desync_jobs.planner.blob_range import need_range
from desync_jobs.planner.operations.cat import CatFacts, decide_range
from desync_jobs.planner.step import Decision


def plan_get(spec: GetSpec, facts: CatFacts) -> Decision:
    """Decide to read all of the archive."""
    return decide_range(spec, need_range(facts.blob, spec.index), facts)
