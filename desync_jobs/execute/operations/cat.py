"""Doing `cat`: a range of a blob, written as it is read."""

from desync_jobs.execute.blob_range import open_range
from desync_jobs.execute.outputs import open_output
from desync_jobs.execute.range_output import preview_range_output, survey_range_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.cat import CatSpec
from desync_jobs.planner.operations.cat import CatDetail, CatFacts
from desync_jobs.planner.step import Step


def survey_cat(task: Task[CatSpec]) -> CatFacts:
    """Read the index and look at the stores."""
    return survey_range_output(task, task.spec.index, task.spec.output)


def preview_cat(task: Task[CatSpec], step: Step) -> Step:
    """Look where the chunks of the range are."""
    return preview_range_output(task, step)


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
