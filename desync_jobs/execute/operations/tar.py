"""Doing `tar`: a walk through the tree, its archive as a stream, and where that goes."""

from collections.abc import Callable
from dataclasses import replace

from desync_jobs.archive.encoding import ArchiveEncoder, Bytes, ContentCopier
from desync_jobs.archive.piping import piped
from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.execute.archiving import Archived, archive_size, metadata_of
from desync_jobs.execute.indexes import index_output_facts
from desync_jobs.execute.inputs import file_facts
from desync_jobs.execute.inside import directories_of, first_inside
from desync_jobs.execute.outputs import open_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Purpose, Task
from desync_jobs.execute.tree_looks import look_at
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.manifest.operations.tar import TarSpec
from desync_jobs.planner.archives import tree_cost
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.operations.tar import TarFacts, tar_writes
from desync_jobs.planner.step import Step


def survey_tar(task: Task[TarSpec]) -> TarFacts:
    """Look at the tree's top or at the stream, and whether anything is written into the tree."""
    source = file_facts(task.path(task.spec.source), task.machine.streams)
    output = index_output_facts(task, task.spec.output)
    inside = None
    if task.spec.directory is not None:
        stores = directories_of(task.machine.job, filter(None, [task.spec.store]))
        inside = first_inside(source.path, [output.path, *stores])
    return TarFacts(source, output, inside)


def preview_tar(task: Task[TarSpec], step: Step) -> Step:
    """Look at what of the tree is archived, and how large that is where it decides on money."""
    spec = task.spec
    if spec.directory is None:
        return step
    cost, trees = step.cost, step.trees
    seen = look_at(task, step.detail_as(FileFacts), metadata_of(spec))
    if seen is not None:
        cost, trees = replace(tree_cost(seen), writes=cost.writes), (seen,)
    if _is_charged(task):
        cost = replace(cost, writes=tar_writes(spec, archive_size(task)))
    return replace(step, cost=cost, trees=trees)


def _is_charged(task: Task[TarSpec]) -> bool:
    """Whether somebody wants to know beforehand what storing the archive costs."""
    machine, store = task.machine, task.spec.store
    if store is None or machine.job.spec.place(store).prices is None:
        return False
    limited = machine.job.spec.limits.max_cost is not None
    return machine.purpose is Purpose.PREVIEW or (limited and machine.purpose is Purpose.RUN)


def do_tar(task: Task[TarSpec], step: Step) -> Done:  # noqa: ARG001 - the same for every kind
    """Archive the tree, and publish what came of it when everything was read."""
    making = _Making(task)
    done = making.file() if task.spec.archive is not None else making.chunks()
    for message in making.tree.messages():
        task.warn(message)
    return done


class _Making:
    """One archive on its way."""

    def __init__(self, task: Task[TarSpec]) -> None:
        self._task = task
        self.tree = Archived(task)
        self._entries = 0

    def file(self) -> Done:
        task = self._task
        phase = task.phase("archiving", 0)
        with open_output(task.path(task.spec.output), task.machine.streams) as output:

            def write(data: Bytes) -> None:
                output.write(data)
                phase.advance(len(data))

            self._encode(write)
            task.machine.cancel.check()
            status = output.finish()
        return Done(status, {"bytes": phase.done, "entries": self._entries})

    def chunks(self) -> Done:
        from desync_jobs.assembly.cutting import Stream
        from desync_jobs.execute.making import IndexWanted, make_chunks

        task, spec = self._task, self._task.spec
        wanted = IndexWanted(spec.output, _index_flags(self.tree.recorded, spec.digest))
        phase = task.phase("chunking" if spec.store is None else "storing", 0)
        with piped(self._encode) as pipe:
            stream = Stream(pipe.fd, spec.source)
            done = make_chunks(task, stream, wanted, pipe.finish, phase)
        return replace(done, statistics={**done.statistics, "entries": self._entries})

    def _encode(self, write: Callable[[Bytes], None]) -> None:
        cancel = self._task.machine.cancel
        encoder = ArchiveEncoder(ContentCopier(write, cancel), cancel)
        with self.tree.visits() as visits:
            encoder.encode(visits)
        self._entries = encoder.entries


def _index_flags(recorded: int, digest: DigestAlgorithm) -> int:
    """Return the flags of an index: those of its archive, with the digest of its chunks.

    Every archive of desync's dialect claims the same digest.
    """
    plain = recorded & ~FeatureFlags.SHA512_256
    return plain | (FeatureFlags.SHA512_256 if digest is DigestAlgorithm.SHA512_256 else 0)
