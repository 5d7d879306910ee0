"""Operations that read a tree once and write text about it."""

from dataclasses import dataclass

from desync_jobs.manifest.tree import TreeSpec
from desync_jobs.planner.archives import (
    Archive,
    ArchiveFacts,
    archive_cost,
    need_apart_from,
    need_tree,
)
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.step import Decision


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
    need_apart_from(facts.output, archive, inside=facts.inside)
    detail = ArchiveListingDetail(archive)
    return decide_listing(facts.output, archive_cost(spec, archive), detail)
