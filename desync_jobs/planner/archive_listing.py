"""Operations that read an archive once and write text about it."""

from dataclasses import dataclass

from desync_jobs.manifest.archive import ArchiveSpec
from desync_jobs.planner.archives import (
    Archive,
    ArchiveFacts,
    archive_cost,
    need_archive,
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


@dataclass(frozen=True, slots=True, eq=False)
class ArchiveListingDetail:
    """The archive to read."""

    archive: Archive


def decide_archive_listing(spec: ArchiveSpec, facts: ArchiveListingFacts) -> Decision:
    """Decide to read the whole archive; raises what `need_archive` raises."""
    archive = need_archive(spec, facts.archive)
    need_apart(facts.output, read_file(archive))
    detail = ArchiveListingDetail(archive)
    return decide_listing(facts.output, archive_cost(spec, archive), detail)
