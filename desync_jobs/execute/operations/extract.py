"""Doing `extract`: one blob, or many."""

from dataclasses import replace
from typing import TYPE_CHECKING

from desync_jobs.execute.blob import blob_cost, do_blob, survey_blob
from desync_jobs.execute.opening import Reading, open_sources
from desync_jobs.execute.result import Done
from desync_jobs.execute.seed_survey import SeedSurvey
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.blob import ExtractFacts
from desync_jobs.planner.extraction import ExtractDetail
from desync_jobs.planner.step import Step

if TYPE_CHECKING:
    from desync_jobs.planner.many import ManyFacts


def survey_extract(task: Task[ExtractSpec]) -> "ExtractFacts | ManyFacts":
    """Read each index and hold a target that is there against it."""
    spec = task.spec
    if not spec.several:
        one = Task(task.name, spec.of_one(*spec.listed), task.machine)
        return survey_blob(one, SeedSurvey(task, spec.seeds))
    # Imported where it is needed: most extractions are about one blob.
    from desync_jobs.execute.many import survey_many

    return survey_many(task)


def preview_extract(task: Task[ExtractSpec], step: Step) -> Step:
    """Look where each chunk to be fetched is, and say what the extraction costs by that."""
    if step.parts:
        from desync_jobs.execute.many import preview_many

        return preview_many(task, step)
    detail = step.detail_as(ExtractDetail)
    source = open_sources(task, Reading(detail.index.algorithm, detail.index.largest))
    return replace(step, cost=blob_cost(task, detail, source))


def do_extract(task: Task[ExtractSpec], step: Step) -> Done:
    """Put each blob together; its target is published only when every position is right."""
    if step.parts:
        from desync_jobs.execute.many import do_many

        return do_many(task, step)
    detail = step.detail_as(ExtractDetail)
    source = open_sources(task, Reading(detail.index.algorithm, detail.index.largest))
    return do_blob(task, detail, source, step.cost.work)
