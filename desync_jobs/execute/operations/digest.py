"""Doing `digest`: one digest over the whole blob, in hex, as `casync digest` prints it."""

from desync_jobs.execute.blob_digest import blocks
from desync_jobs.execute.inputs import file_facts, open_input, output_facts
from desync_jobs.execute.outputs import write_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.digest import DigestSpec
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.operations.digest import DigestFacts
from desync_jobs.planner.plan import Step


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
        for block in blocks(fd, blob.path, machine.workers):
            digest.update(block)
            phase.advance(len(block))
    text = digest.hexdigest()
    status = write_output(
        task.path(task.spec.output), machine.streams, [f"{text}\n".encode("ascii")]
    )
    return Done(status, {"bytes": phase.done, "digest": text})
