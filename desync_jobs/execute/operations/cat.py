"""Doing `cat`: a range of a blob, written as it is read."""

from dataclasses import replace

from desync_jobs.execute.blob_range import open_range, preview_range, survey_range
from desync_jobs.execute.disks import disk_facts
from desync_jobs.execute.inputs import output_facts
from desync_jobs.execute.outputs import open_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.cat import CatSpec
from desync_jobs.planner.facts import FileKind
from desync_jobs.planner.operations.cat import CatDetail, CatFacts, cat_cost
from desync_jobs.planner.plan import Step


def survey_cat(task: Task[CatSpec]) -> CatFacts:
    """Read the index and look at the stores."""
    output = output_facts(task.path(task.spec.output), task.machine.streams)
    written = output.kind in {FileKind.ABSENT, FileKind.REGULAR}
    return CatFacts(
        survey_range(task, task.spec.index), output, disk_facts(output.path) if written else None
    )


def preview_cat(task: Task[CatSpec], step: Step) -> Step:
    """Look where each chunk to be fetched is, and say what the range costs by that."""
    detail = step.detail_as(CatDetail)
    return replace(step, cost=cat_cost(detail, preview_range(task, detail.range)))


def do_cat(task: Task[CatSpec], step: Step) -> Done:
    """Write the range; a file appears only when all of it is there."""
    wanted = step.detail_as(CatDetail).range
    phase = task.phase("reading", step.cost.work)
    path, streams = task.path(task.spec.output), task.machine.streams
    with open_range(task, wanted) as blob, open_output(path, streams) as output:
        for piece in blob.pieces:
            output.write(piece)
            phase.advance(len(piece))
        status = output.finish()
    return Done(status, {"bytes": phase.done, **blob.statistics()})
