"""Deciding `list`: one pass over an archive."""

from desync_jobs.manifest.operations.list import ListSpec
from desync_jobs.planner.archive_listing import ArchiveListingFacts, decide_archive_listing
from desync_jobs.planner.step import Decision


def plan_list(spec: ListSpec, facts: ArchiveListingFacts) -> Decision:
    """Decide to read the whole archive."""
    return decide_archive_listing(spec, facts)
