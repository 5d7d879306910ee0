"""Deciding `archive-verify`: read an archive and a directory beside each other."""

from dataclasses import dataclass

from desync_jobs.manifest.operations.archive_verify import ArchiveVerifySpec
from desync_jobs.planner.archives import (
    Archive,
    ArchiveFacts,
    archive_cost,
    need_apart_from,
    need_archive,
    need_directory,
)
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.step import Decision


@dataclass(frozen=True, slots=True, eq=False)
class ArchiveVerifyFacts:
    """The archive, the directory and the output."""

    archive: ArchiveFacts
    directory: FileFacts
    output: FileFacts
    inside: bool
    """Whether the output is in the directory."""


@dataclass(frozen=True, slots=True, eq=False)
class ArchiveVerifyDetail:
    """What to read."""

    archive: Archive
    directory: FileFacts


def plan_archive_verify(spec: ArchiveVerifySpec, facts: ArchiveVerifyFacts) -> Decision:
    """Decide to read both."""
    archive = need_archive(spec, facts.archive)
    directory = need_directory(facts.directory)
    need_apart_from(facts.output, archive, inside=False)
    need_apart_from(facts.output, directory, inside=facts.inside)
    detail = ArchiveVerifyDetail(archive, directory)
    return decide_listing(facts.output, archive_cost(spec, archive), detail)
