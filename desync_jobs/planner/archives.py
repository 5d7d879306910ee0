"""Operations that read an archive once and write text about it."""

from dataclasses import dataclass

from desync_jobs.errors import SourceError
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.listing import decide_listing
from desync_jobs.planner.needed import need_apart
from desync_jobs.planner.plan import Decision


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """The archive and the output."""

    archive: FileFacts
    output: FileFacts


def decide_archive_listing(facts: ArchiveFacts) -> Decision:
    """Decide to read the whole archive; `SourceError` where there is none."""
    archive = facts.archive
    if archive.kind is FileKind.ABSENT:
        raise SourceError(f"{archive.path}: archive does not exist")
    if archive.kind is FileKind.DIRECTORY:
        raise SourceError(f"{archive.path} is a directory; an archive is a file")
    need_apart(facts.output, archive)
    amount = Amount("archive", archive.size, exact=archive.size > 0)
    return decide_listing(facts.output, Cost((amount,), work=archive.size), archive)
