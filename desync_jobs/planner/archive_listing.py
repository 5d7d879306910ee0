"""Operations that read a tree once and write text about it."""

from dataclasses import dataclass

from desync_jobs.errors import UsageError
from desync_jobs.manifest.tree import TreeSpec
from desync_jobs.planner.archives import (
    Archive,
    ArchiveFacts,
    archive_cost,
    need_tree,
    read_file,
)
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart
from desync_jobs.planner.plan import Decision


@dataclass(frozen=True, slots=True, eq=False)
class ArchiveListingFacts:
    """The archive and the output."""

    archive: ArchiveFacts
    output: FileFacts
    inside: bool = False
    """Whether the output is in the directory that is read."""


@dataclass(frozen=True, slots=True, eq=False)
class ArchiveListingDetail:
    """The archive to read."""

    archive: Archive


def decide_archive_listing(spec: TreeSpec, facts: ArchiveListingFacts) -> Decision:
    """Decide to read the whole archive; raises what `need_tree` raises."""
    archive = need_tree(spec, facts.archive)
    if facts.inside:
        raise UsageError(
            f"{facts.output.path} is in {read_file(archive).path}, which is read; "
            "name another place"
        )
    need_apart(facts.output, read_file(archive))
    detail = ArchiveListingDetail(archive)
    return decide_listing(facts.output, archive_cost(spec, archive), detail)
