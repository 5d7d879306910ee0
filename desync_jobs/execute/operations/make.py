"""Doing `make`: one pass over the blob — cut, digest, compress, store — then the index."""

import os
import stat

from desync_jobs.assembly.cutting import Stream, cut_stream
from desync_jobs.errors import InvalidDataError
from desync_jobs.execute.indexes import find_index, index_output_facts
from desync_jobs.execute.inputs import file_facts, open_input
from desync_jobs.execute.keeping import Keeping
from desync_jobs.execute.kept import lacking_in
from desync_jobs.execute.making import IndexWanted, cutting_of, make_chunks
from desync_jobs.execute.opening import Reading
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.make import MakeSpec
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.operations.make import MakeFacts
from desync_jobs.planner.step import Step


def survey_make(task: Task[MakeSpec]) -> MakeFacts:
    """Look whether the index there is the blob's, up to the first difference."""
    spec, streams = task.spec, task.machine.streams
    blob = file_facts(task.path(spec.blob), streams)
    target = index_output_facts(task, spec.index)
    if not blob.present or target.kind not in {FileKind.REGULAR, FileKind.REMOTE}:
        return MakeFacts(blob, target, "the index does not exist", 0)
    if blob.kind is FileKind.STREAM:
        # What is compared here could not be read again.
        return MakeFacts(blob, target, "a stream is always read", 0)
    try:
        found = find_index(task, spec.index)
    except InvalidDataError:
        return MakeFacts(blob, target, "what is at the index's place is not a valid index", 0)
    if found is None:
        return MakeFacts(blob, target, "the index does not exist", 0)
    difference = _difference(task, blob, found.index)
    missing = 0
    if difference is None and spec.store is not None:
        ids = found.index.ids_at(found.index.distinct())
        missing = int(lacking_in(task, spec.store, Reading(found.index.algorithm), ids).sum())
    return MakeFacts(blob, target, difference, missing, len(found.index))


def _difference(task: Task[MakeSpec], blob: FileFacts, index: Index) -> str | None:
    spec = task.spec
    algorithm, mode = spec.digest, spec.cut
    if index.flags != blob_flags(algorithm, mode) or index.sizes != spec.chunk_size:
        return "the index was made with other settings"
    if index.blob_size != blob.size:
        return "the blob has another size than its index says"
    if _same_chunks(task, blob, index):
        return None
    return "the blob is not what its index describes"


def _same_chunks(task: Task[MakeSpec], blob: FileFacts, index: Index) -> bool:
    machine = task.machine
    progress = machine.progress
    progress.expect(blob.size)
    phase = task.phase("examining", blob.size)
    cutting = cutting_of(task)
    position = 0
    with open_input(blob.path, machine.streams) as fd:
        keeping = Keeping(cutting, task.spec.digest, None)
        for batch in cut_stream(Stream(fd, blob.path), cutting, machine.workers, keeping.keep):
            last = position + len(batch.ends)
            same = last <= len(index) and (
                index.ends_between(position, last).tolist() == batch.ends
                and index.ids_between(position, last).tobytes() == b"".join(batch.ids)
            )
            if not same:
                progress.expect(phase.done - blob.size)
                return False
            position = last
            phase.advance(batch.ends[-1] - phase.done if batch.ends else 0)
    return position == len(index)


def do_make(task: Task[MakeSpec], step: Step) -> Done:
    """Cut the blob, store what the store lacks, sync, and publish the index."""
    spec = task.spec
    blob = step.detail_as(FileFacts)
    with open_input(blob.path, task.machine.streams) as fd:
        before = os.fstat(fd)

        def check() -> None:
            if _written_to(before, os.fstat(fd)):
                task.warn(f"{blob.path} changed while it was read; the index is of what was read")

        phase = task.phase("chunking" if spec.store is None else "storing", blob.size)
        wanted = IndexWanted(spec.index, blob_flags(spec.digest, spec.cut))
        return make_chunks(task, Stream(fd, blob.path), wanted, check, phase)


def _written_to(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a regular file changed; a stream and a device have no time that says it."""
    old, new = ((one.st_size, one.st_mtime_ns) for one in (before, after))
    return stat.S_ISREG(after.st_mode) and old != new
