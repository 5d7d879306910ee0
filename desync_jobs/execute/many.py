"""`extract` of many blobs: one after the other, each of which may be a seed of those after it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.errors import DesyncRunError, InterruptedRunError
from desync_jobs.execute.blob import blob_cost, do_blob, survey_blob
from desync_jobs.execute.blobs import blobs_of
from desync_jobs.execute.opening import Reading, open_sources
from desync_jobs.execute.parts import do_parts
from desync_jobs.execute.result import Done
from desync_jobs.execute.seed_survey import SeedSurvey
from desync_jobs.execute.target_folder import need_folder
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.extract import ExtractSpec, OneExtractSpec
from desync_jobs.planner.extraction import ExtractDetail
from desync_jobs.planner.many import BlobFacts, ManyFacts
from desync_jobs.planner.parts import Part, PartsDetail, step_parts, total_cost
from desync_jobs.planner.step import Step
from desync_jobs.stores.base import ChunkSource


def survey_many(task: Task[ExtractSpec]) -> ManyFacts:
    """Look at each blob that `task` is about, in order.

    Raises `IndexMissingError` for a pattern that stands for nothing, and `TargetError` for a
    folder that is not there: it would be found out only when other blobs are published.
    """
    spec, machine = task.spec, task.machine
    blobs = blobs_of(machine.job, task.name, spec)
    seeds = SeedSurvey(task, spec.seeds, [task.path(blob.index) for blob in blobs])
    places = [need_folder(task.path(blob.target)) for blob in blobs]
    found = []
    for blob, place in zip(blobs, places, strict=True):
        machine.cancel.check()
        one = spec.of_one(blob)
        facts = survey_blob(Task(task.name, one, machine), seeds)
        found.append(BlobFacts(one, facts, place))
    return ManyFacts(tuple(found))


def preview_many(task: Task[ExtractSpec], step: Step) -> Step:
    """Look where the chunks of each blob are that are to be fetched for it."""
    detail: PartsDetail[OneExtractSpec] = step.detail_as(PartsDetail)
    sources = _sources(task, detail)
    parts = []
    for part in detail.parts:
        if part.to_do:
            what = _extract_detail(part)
            source = sources[what.index.algorithm]
            cost = blob_cost(Task(task.name, part.spec, task.machine), what, source)
            part = replace(part, decision=replace(part.decision, cost=cost))  # noqa: PLW2901 -- it is the same part
        parts.append(part)
    detail = replace(detail, parts=tuple(parts))
    return replace(step, cost=total_cost(detail), parts=step_parts(detail))


def do_many(task: Task[ExtractSpec], step: Step) -> Done:
    """Put the blobs together that are not there, in order, as far as that goes well."""
    detail: PartsDetail[OneExtractSpec] = step.detail_as(PartsDetail)
    return do_parts(detail, _done(task, detail))


def _done(task: Task[ExtractSpec], detail: PartsDetail[OneExtractSpec]) -> Iterator[Done]:
    sources = _sources(task, detail)
    for part in detail.parts:
        if part.to_do:
            yield _do_part(task, part, sources)


def _do_part(
    task: Task[ExtractSpec],
    part: Part[OneExtractSpec],
    sources: Mapping[DigestAlgorithm, ChunkSource],
) -> Done:
    """Put one blob together; an error says which."""
    one = Task(task.name, part.spec, task.machine)
    detail = _extract_detail(part)
    try:
        task.machine.cancel.check()
        return do_blob(one, detail, sources[detail.index.algorithm], part.decision.cost.work)
    except InterruptedRunError:
        raise
    except DesyncRunError as error:
        error.about(detail.target.path)
        raise


def _extract_detail(part: Part[OneExtractSpec]) -> ExtractDetail:
    detail = part.decision.detail
    if not isinstance(detail, ExtractDetail):
        raise TypeError(f"{part.target} carries {detail!r}")
    return detail


def _sources(
    task: Task[ExtractSpec], detail: PartsDetail[OneExtractSpec]
) -> dict[DigestAlgorithm, ChunkSource]:
    """Open stores and cache, once for each digest algorithm that names chunks."""
    largest: dict[DigestAlgorithm, int] = {}
    for part in detail.parts:
        if part.to_do:
            index = _extract_detail(part).index
            largest[index.algorithm] = max(largest.get(index.algorithm, 0), index.largest)
    return {
        algorithm: open_sources(task, Reading(algorithm, limit))
        for algorithm, limit in largest.items()
    }
