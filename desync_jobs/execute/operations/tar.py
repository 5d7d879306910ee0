"""Doing `tar`: a walk through the tree, its archive as a stream, and where that goes."""

import os
from collections.abc import Callable

from desync_jobs.archive.encoding import ArchiveEncoder, Bytes, ContentCopier
from desync_jobs.archive.piping import piped
from desync_jobs.assembly.cutting import Cutting, Stream, cut_stream
from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.execute.archiving import Archived
from desync_jobs.execute.index_output import IndexOutput
from desync_jobs.execute.indexes import index_output_facts, open_index_output
from desync_jobs.execute.inputs import file_facts
from desync_jobs.execute.keeping import Keeping
from desync_jobs.execute.kept import stored_counts
from desync_jobs.execute.opening import Reading, open_store
from desync_jobs.execute.outputs import open_output
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.task import Task
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.manifest.operations.tar import TarSpec
from desync_jobs.planner.operations.tar import TarFacts
from desync_jobs.planner.plan import Step


def survey_tar(task: Task[TarSpec]) -> TarFacts:
    """Look at the tree's top or at the stream, and whether anything is written into the tree."""
    source = file_facts(task.path(task.spec.source), task.machine.streams)
    output = index_output_facts(task, task.spec.output)
    inside = None if task.spec.directory is None else _inside(task, source.path, output.path)
    return TarFacts(source, output, inside)


def _inside(task: Task[TarSpec], directory: str, output: str) -> str | None:
    job, store = task.machine.job, task.spec.store
    members = () if store is None else job.spec.members(store)
    stores = [job.location(one) for one in members if job.spec.place(one).directory is not None]
    top = os.path.realpath(directory).rstrip("/") + "/"
    for place in (output, *stores):
        local = os.path.isabs(place)
        if local and (os.path.realpath(place) + "/").startswith(top):
            return place
    return None


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
        task, spec, machine = self._task, self._task.spec, self._task.machine
        store = None if spec.store is None else open_store(task, spec.store, Reading(spec.digest))
        cutting = Cutting(spec.chunk_size, spec.cut, machine.kernel)
        keeping = Keeping(cutting, spec.digest, store)
        flags = _index_flags(self.tree.recorded, spec.digest)
        phase = task.phase("chunking" if store is None else "storing", 0)
        with open_index_output(task, spec.output) as output, piped(self._encode) as pipe:
            index = IndexOutput(output, flags, spec.chunk_size)
            if store is not None:
                store.prepare()
            stream = Stream(pipe.fd, spec.source)
            for batch in cut_stream(stream, cutting, machine.workers, keeping.keep):
                index.add(batch.ends, batch.ids)
                phase.advance(index.blob_size - phase.done)
            pipe.finish()
            if store is not None:
                store.flush()
            machine.cancel.check()
            published = index.finish()
        kept = stored_counts(store)
        unchanged = published is Status.UNCHANGED and not kept["chunks_stored"]
        counts = {"bytes": index.blob_size, "entries": self._entries, "chunks": index.chunks}
        return Done(Status.UNCHANGED if unchanged else Status.DONE, {**counts, **kept})

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
