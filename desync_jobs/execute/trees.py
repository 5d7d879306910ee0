"""Reading a tree once: an archive, or a directory as an archive of it would be."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import TypeGuard

from desync_jobs.archive.dialect import DesyncMetadata
from desync_jobs.archive.encoding import ArchiveEncoder, Bytes, ContentCopier
from desync_jobs.archive.metadata import Metadata
from desync_jobs.archive.piping import Piped, piped
from desync_jobs.archive.walk import TreeWalk
from desync_jobs.execute.archives import ArchiveSource, OpenArchive, open_archive, survey_archive
from desync_jobs.execute.blob_digest import blocks
from desync_jobs.execute.inputs import file_facts
from desync_jobs.execute.inside import first_inside
from desync_jobs.execute.kept_features import kept_features
from desync_jobs.execute.task import Task
from desync_jobs.formats.catar.rules import is_desyncs
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.manifest.sources import SourcesSpec
from desync_jobs.manifest.tree import TreeSpec
from desync_jobs.planner.archives import Archive, ArchiveFacts
from desync_jobs.planner.facts import FileFacts, FileKind


def survey_tree(task: Task[TreeSpec]) -> ArchiveFacts:
    """Look at the directory or the archive, or read the archive's index."""
    directory = task.spec.directory
    if directory is not None:
        return file_facts(task.path(directory), task.machine.streams)
    return survey_archive(task)


def is_directory(tree: ArchiveFacts | Archive) -> TypeGuard[FileFacts]:
    """Whether `tree` is the top of one, and no archive."""
    return isinstance(tree, FileFacts) and tree.kind is FileKind.DIRECTORY


def written_into(directory: ArchiveFacts, output: FileFacts) -> bool:
    """Whether `output` is in a directory that is read, so that it would be read itself."""
    return is_directory(directory) and first_inside(directory.path, [output.path]) is not None


@contextmanager
def open_tree(task: Task[TreeSpec], tree: Archive) -> Iterator[OpenArchive]:
    """Open `tree` for one reading; a directory with what the operation wants to be kept."""
    if is_directory(tree):
        with open_directory(task, tree, int(kept_features(task.spec))) as opened:
            yield opened
        return
    with open_archive(task, tree) as opened:
        yield opened


@contextmanager
def open_directory(
    task: Task[SourcesSpec], directory: FileFacts, features: int
) -> Iterator[OpenArchive]:
    """Open a directory as if it were its archive with these feature flags.

    Warns of what no archive keeps; raises `SourceError` for what cannot be read.
    """
    metadata = _metadata(features)
    machine = task.machine

    def encode(write: Callable[[Bytes], None]) -> None:
        encoder = ArchiveEncoder(ContentCopier(write, machine.cancel), machine.cancel)
        encoder.encode(TreeWalk(directory.path, metadata).visits())

    phase = task.phase("reading", 0)
    with (
        piped(encode) as pipe,
        closing(_whole(pipe, blocks(pipe.fd, directory.path, machine.workers))) as pieces,
    ):
        yield OpenArchive(directory.path, ArchiveSource(pieces), task.warn, phase)
    for message in metadata.unkept.messages():
        task.warn(message)


def _metadata(features: int) -> Metadata:
    if is_desyncs(features):
        return DesyncMetadata((), one_file_system=False)
    return Metadata(FeatureFlags(features))


def _whole(
    pipe: Piped, pieces: Generator[memoryview, None, None]
) -> Generator[memoryview, None, None]:
    """Yield `pieces`, and then raise what ended the writer of the pipe, if anything did."""
    with closing(pieces):
        yield from pieces
    pipe.finish()
