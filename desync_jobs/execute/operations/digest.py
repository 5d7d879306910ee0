"""Doing `digest`: one digest over the whole blob, in hex, as `casync digest` prints it."""

import os
from collections.abc import Iterator
from concurrent.futures import wait
from itertools import cycle

from desync_jobs.assembly.buffers import Buffers
from desync_jobs.assembly.workers import Workers
from desync_jobs.errors import SourceError
from desync_jobs.execute.inputs import file_facts, open_input, output_facts
from desync_jobs.execute.outputs import write_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.digest import DigestSpec
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.operations.digest import DigestFacts
from desync_jobs.planner.plan import Step

_READ = 1 << 20


def survey_digest(task: Task[DigestSpec]) -> DigestFacts:
    """Look at the blob."""
    streams = task.machine.streams
    return DigestFacts(
        file_facts(task.path(task.spec.blob), streams),
        output_facts(task.path(task.spec.output), streams),
    )


def do_digest(task: Task[DigestSpec], step: Step) -> Done:
    """Read the blob once; the next block is read while one is digested."""
    blob = step.detail_as(FileFacts)
    machine = task.machine
    digest = task.spec.digest.new()
    phase = task.phase("reading", blob.size)
    with open_input(blob.path, machine.streams) as fd:
        for block in _blocks(fd, blob.path, machine.workers):
            digest.update(block)
            phase.advance(len(block))
    text = digest.hexdigest()
    status = write_output(
        task.path(task.spec.output), machine.streams, [f"{text}\n".encode("ascii")]
    )
    return Done(status, {"bytes": phase.done, "digest": text})


def _blocks(fd: int, name: str, workers: Workers) -> Iterator[memoryview]:
    """Yield the file block by block, each valid until the next one is asked for."""

    def read(view: memoryview) -> memoryview:
        workers.cancel.wait_for(fd)
        try:
            return view[: os.readv(fd, [view])]
        except OSError as error:
            raise SourceError(f"{name}: cannot be read: {error.strerror}") from error

    with Buffers().borrow(2 * _READ) as both:
        halves = cycle((both[:_READ], both[_READ:]))
        reading = workers.submit(read, next(halves))
        while block := reading.result():
            reading = workers.submit(read, next(halves))
            try:
                yield block
            finally:
                # The buffer goes back when this ends: not while a thread still fills it.
                wait([reading])
