"""What an archive is made of, node by node: a directory, or the tree in a tar stream."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from desync_jobs.archive.dialect import DesyncMetadata
from desync_jobs.archive.encoding import ArchiveEncoder
from desync_jobs.archive.metadata import Metadata
from desync_jobs.archive.runs import Run
from desync_jobs.archive.walk import TreeWalk, Visit
from desync_jobs.execute.inputs import open_input
from desync_jobs.execute.kept_features import kept_features
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.tar import Dialect, TarSpec

Visits = Iterator[Visit | Run | None]


class Archived:
    """The tree of one `tar`."""

    def __init__(self, task: Task[TarSpec]) -> None:
        self._task = task
        self._metadata = metadata_of(task.spec)
        self._told: list[str] = []

    @property
    def recorded(self) -> int:
        """What the archive says of its features."""
        return self._metadata.recorded

    def messages(self) -> Iterator[str]:
        """Say what of it is not in the archive; after everything was visited."""
        yield from self._told
        yield from self._metadata.unkept.messages()

    def visits(self) -> AbstractContextManager[Visits]:
        """Lend the nodes; errors are those of `TreeWalk` and of `TarWalk`."""
        spec = self._task.spec
        return self._in_stream(spec.tar_stream) if spec.tar_stream else nullcontext(self._on_disk())

    def _on_disk(self) -> Visits:
        return TreeWalk(self._task.path(self._task.spec.source), self._metadata).runs()

    @contextmanager
    def _in_stream(self, text: str) -> Iterator[Visits]:
        # Few archives are made of streams, and start-up stays fast.
        from desync_jobs.archive.tar_input import Spooling, open_stream
        from desync_jobs.archive.tar_walk import TarWalk

        task, machine = self._task, self._task.machine
        path = task.path(text)
        phase = task.phase("reading", 0)
        expansion = task.spec.max_expansion
        spooling = Spooling(_folder(task), expansion, phase.advance)
        name = "standard input" if path == "-" else path
        with (
            open_input(path, machine.streams) as fd,
            open_stream(fd, name, spooling, machine.cancel) as stream,
        ):
            walk = TarWalk(stream, self._metadata, expansion)
            walk.survey(machine.cancel.check)
            yield walk.visits(add_root=task.spec.add_root)
            self._told += walk.messages()


class _Measured:
    """Where an archive goes of which nothing but its size is wanted."""

    def put(self, data: bytes) -> None:
        """Forget records."""

    def content(self, visit: Visit, size: int) -> None:
        """Leave content where it is."""

    def finish(self) -> None:
        """Have nothing to do."""


def archive_size(task: Task[TarSpec]) -> int:
    """Return how many bytes the archive of a directory has, whose files are opened and not read.

    Raises what `TreeWalk` raises.
    """
    cancel = task.machine.cancel
    encoder = ArchiveEncoder(_Measured(), cancel)
    encoder.encode(TreeWalk(task.path(task.spec.source), metadata_of(task.spec)).visits())
    return encoder.size


def _folder(task: Task[TarSpec]) -> str | None:
    """Return where a temporary file goes: beside the output, where there is room for that."""
    output = task.path(task.spec.output)
    return os.path.dirname(output) if os.path.isabs(output) else None


def metadata_of(spec: TarSpec) -> Metadata:
    """Return the reader of what the archive keeps."""
    if spec.dialect is Dialect.DESYNC:
        return DesyncMetadata(spec.without_features, one_file_system=spec.one_file_system)
    return Metadata(kept_features(spec))
