"""Doing `digest`: one digest over the whole blob, in hex, as `casync digest` prints it."""

import os

from desync_jobs.assembly.buffers import Buffers
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.core.chunk import DigestAlgorithm
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
    """Read the blob once."""
    blob = step.detail_as(FileFacts)
    machine = task.machine
    digest = DigestAlgorithm(task.spec.digest).new()
    phase = task.phase("reading", blob.size)
    with open_input(blob.path, machine.streams) as fd, Buffers().borrow(_READ) as view:
        while count := _read(fd, view, blob.path, machine.cancel):
            machine.cancel.check()
            digest.update(view[:count])
            phase.advance(count)
    text = digest.hexdigest()
    status = write_output(
        task.path(task.spec.output), machine.streams, [f"{text}\n".encode("ascii")]
    )
    return Done(status, {"bytes": phase.done, "digest": text})


def _read(fd: int, view: memoryview, name: str, cancel: Cancel) -> int:
    cancel.wait_for(fd)
    try:
        return os.readv(fd, [view])
    except OSError as error:
        raise SourceError(f"{name}: cannot be read: {error.strerror}") from error
