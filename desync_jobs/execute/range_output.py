"""What operations share that write a range of a blob: looking at what is read and written."""

from dataclasses import replace

from desync_jobs.execute.blob_range import S, preview_range, survey_range
from desync_jobs.execute.disks import disk_facts
from desync_jobs.execute.inputs import output_facts
from desync_jobs.execute.task import Task
from desync_jobs.planner.facts import FileKind
from desync_jobs.planner.operations.cat import CatDetail, CatFacts, cat_cost
from desync_jobs.planner.step import Step


def survey_range_output(task: Task[S], index: str, output: str) -> CatFacts:
    """Read the index, look at the stores and at the place of the output."""
    written = output_facts(task.path(output), task.machine.streams)
    file = written.kind in {FileKind.ABSENT, FileKind.REGULAR}
    return CatFacts(survey_range(task, index), written, disk_facts(written.path) if file else None)


def preview_range_output(task: Task[S], step: Step) -> Step:
    """Look where each chunk to be fetched is, and say what the range costs by that."""
    detail = step.detail_as(CatDetail)
    return replace(step, cost=cat_cost(detail, preview_range(task, detail.range)))
