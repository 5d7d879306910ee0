"""Doing `get`: chunks fetched in parallel, checked as an archive, written in order."""

from desync_jobs.execute.archives import open_archive
from desync_jobs.execute.outputs import open_output
from desync_jobs.execute.range_output import preview_range_output, survey_range_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.catar.reading import Opened
from desync_jobs.manifest.operations.get import GetSpec
from desync_jobs.planner.operations.cat import CatDetail, CatFacts
from desync_jobs.planner.step import Step


def survey_get(task: Task[GetSpec]) -> CatFacts:
    """Read the index and look at the stores."""
    return survey_range_output(task, task.spec.index, task.spec.archive)


def preview_get(task: Task[GetSpec], step: Step) -> Step:
    """Look where the chunks of the archive are."""
    return preview_range_output(task, step)


def do_get(task: Task[GetSpec], step: Step) -> Done:
    """Write the archive; a file appears only when all of it is there and is right."""
    path, streams = task.path(task.spec.archive), task.machine.streams
    with (
        open_archive(task, step.detail_as(CatDetail).range) as archive,
        open_output(path, streams) as output,
    ):
        nodes = sum(isinstance(event, Opened) for event in archive.events(output.write))
        status = output.finish()
    return Done(status, {"bytes": archive.size, "nodes": nodes, **archive.statistics()})
