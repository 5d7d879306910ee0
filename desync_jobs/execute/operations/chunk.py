"""Doing `chunk`: where a blob is cut, a line each: start, length, ID."""

import os
from collections.abc import Iterator

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.cutting import Cutting, Stream, Stretch, cut_stream
from desync_jobs.core.digester import Digester
from desync_jobs.errors import SourceError
from desync_jobs.execute.inputs import file_facts, open_input, output_facts
from desync_jobs.execute.outputs import write_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.chunk import ChunkSpec
from desync_jobs.planner.facts import FileFacts, FileKind
from desync_jobs.planner.operations.chunk import ChunkFacts
from desync_jobs.planner.step import Step

_SKIPPED = 1 << 20


def survey_chunk(task: Task[ChunkSpec]) -> ChunkFacts:
    """Look at the blob."""
    streams = task.machine.streams
    return ChunkFacts(
        file_facts(task.path(task.spec.blob), streams),
        output_facts(task.path(task.spec.output), streams),
    )


def do_chunk(task: Task[ChunkSpec], step: Step) -> Done:
    """Cut the blob from `start` on and list the chunks."""
    blob = step.detail_as(FileFacts)
    spec, machine = task.spec, task.machine
    phase = task.phase("chunking", max(blob.size - spec.start, 0))
    digester = Digester(machine.kernel, spec.digest, spec.chunk_size.maximum)
    cutting = Cutting(spec.chunk_size, spec.cut, machine.kernel)
    counted = 0

    def describe(stretch: Stretch) -> tuple[int, list[str]]:
        lines = [
            f"{end - len(piece)}\t{len(piece)}\t{chunk_id.hex()}\n"
            for end, piece, chunk_id in zip(
                stretch.ends, stretch.pieces, digester(stretch.pieces), strict=True
            )
        ]
        return sum(map(len, stretch.pieces)), lines

    def parts(fd: int) -> Iterator[bytes]:
        nonlocal counted
        stream = Stream(fd, blob.path, spec.start)
        for size, lines in cut_stream(stream, cutting, machine.workers, describe):
            counted += len(lines)
            phase.advance(size)
            yield "".join(lines).encode("ascii")

    with open_input(blob.path, machine.streams) as fd:
        _skip(fd, blob, spec.start, machine.cancel)
        status = write_output(task.path(spec.output), machine.streams, parts(fd))
    return Done(status, {"bytes": phase.done, "chunks": counted})


def _skip(fd: int, blob: FileFacts, count: int, cancel: Cancel) -> None:
    """Go `count` bytes on; raises `SourceError` where a stream ends before."""
    try:
        if blob.kind is not FileKind.STREAM:
            os.lseek(fd, count, os.SEEK_SET)
            return
        while count:
            cancel.wait_for(fd)
            part = len(os.read(fd, min(count, _SKIPPED)))
            if not part:
                raise SourceError(f"{blob.path}: the stream ends before the start asked for")
            count -= part
    except OSError as error:
        raise SourceError(f"{blob.path}: cannot be read: {error.strerror}") from error
