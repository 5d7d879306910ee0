"""What reading an archive takes, whichever way it is given."""

from typing import TYPE_CHECKING, Final, TypeAlias, Union

from desync_jobs.errors import SourceError, UsageError
from desync_jobs.manifest.archive import ArchiveSpec
from desync_jobs.manifest.tree import TreeSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts, TreeSeen
from desync_jobs.planner.needed import need_apart
from desync_jobs.planner.space import spaces, warnings

if TYPE_CHECKING:
    from desync_jobs.planner.blob_range import BlobRange, RangeFacts, Sources
    from desync_jobs.planner.fetched import FetchedCost

_RECORDS: Final = 160
"""Bytes that a file has in an archive besides its content, about."""

ArchiveFacts: TypeAlias = Union[FileFacts, "RangeFacts"]
"""An archive as it was found: a file or stream, or an index with what has its chunks."""

Archive: TypeAlias = Union[FileFacts, "BlobRange"]
"""An archive that can be read, or a directory that is read as one."""


def need_archive(spec: ArchiveSpec, facts: ArchiveFacts) -> Archive:
    """Return what to read; raises `SourceError`, `IndexMissingError` or `StoreError`."""
    if isinstance(facts, FileFacts):
        return need_file(facts)
    from desync_jobs.planner.blob_range import need_range

    return need_range(facts, spec.index or "")


def need_file(facts: FileFacts) -> FileFacts:
    """Return an archive that is one file or stream; `SourceError` where there is none."""
    if facts.kind is FileKind.ABSENT:
        raise SourceError(f"{facts.path}: archive does not exist")
    if facts.kind is FileKind.DIRECTORY:
        raise SourceError(f"{facts.path} is a directory; an archive is a file")
    return facts


def need_directory(facts: FileFacts) -> FileFacts:
    """Return the top of a tree; `SourceError` where it is none."""
    if facts.kind is FileKind.ABSENT:
        raise SourceError(f"{facts.path}: directory does not exist")
    if facts.kind is not FileKind.DIRECTORY:
        raise SourceError(f"{facts.path} is not a directory; an archive is made of one")
    return facts


def need_tree(spec: TreeSpec, facts: ArchiveFacts) -> Archive:
    """Return what to read, which may be a directory; raises what the two above raise."""
    if spec.directory is not None and isinstance(facts, FileFacts):
        return need_directory(facts)
    return need_archive(spec, facts)


def read_file(archive: Archive) -> FileFacts | IndexFacts:
    """Return the one file that `archive` begins with, which no output may replace."""
    return archive if isinstance(archive, FileFacts) else archive.found


def need_apart_from(output: FileFacts, tree: Archive, *, inside: bool) -> None:
    """Raise `UsageError` where `output` is what is read, or is in the directory that is."""
    read = read_file(tree)
    if inside:
        raise UsageError(f"{output.path} is in {read.path}, which is read; name another place")
    need_apart(output, read)


def tree_cost(tree: TreeSeen) -> Cost:
    """Return what reading a directory comes to that was looked at."""
    amount = Amount("directory", tree.bytes, exact=tree.exact)
    return Cost((amount,), work=tree.bytes + tree.entries * _RECORDS)


def archive_cost(spec: "Sources", archive: Archive, fetched: "FetchedCost | None" = None) -> Cost:
    """Return what reading comes to; of an index, as `fetched` says where somebody looked."""
    if isinstance(archive, FileFacts):
        if archive.kind is FileKind.DIRECTORY:
            return Cost((Amount("directory", 0, exact=False),))
        amount = Amount("archive", archive.size, exact=archive.size > 0)
        return Cost((amount,), work=archive.size)
    from desync_jobs.planner.blob_range import unseen_range_cost

    fetched = fetched or unseen_range_cost(spec, archive)
    space = spaces(list(fetched.needs))
    return Cost(
        fetched.reads,
        fetched.writes,
        work=archive.size,
        space=space,
        warnings=(*fetched.warnings, *warnings(space)),
    )
