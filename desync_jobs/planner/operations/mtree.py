"""Deciding `mtree`: one pass over an archive, which digests its files."""

from desync_jobs.manifest.operations.mtree import MtreeSpec
from desync_jobs.planner.archive_listing import ArchiveListingFacts, decide_archive_listing
from desync_jobs.planner.step import Decision


def plan_mtree(spec: MtreeSpec, facts: ArchiveListingFacts) -> Decision:
    """Decide to read the whole archive."""
    return decide_archive_listing(spec, facts)
