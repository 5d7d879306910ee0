"""`extract` of many blobs: which they are, and doing one after the other.

Each blob is published as soon as it is complete, and may be a seed of those after it. The first
that fails ends the operation; what was published before stays, and the next run finds it whole.
"""

from dataclasses import replace

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.errors import DesyncRunError, InterruptedRunError
from desync_jobs.execute.blob import blob_cost, do_blob, survey_blob
from desync_jobs.execute.blobs import blobs_of
from desync_jobs.execute.opening import Reading, open_sources
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.seed_survey import SeedSurvey
from desync_jobs.execute.targets import need_folder
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.many import BlobFacts, ManyDetail, ManyFacts, Part, renamed, total_cost
from desync_jobs.planner.step import Step
from desync_jobs.planner.tally import Counted, tally
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
    detail = step.detail_as(ManyDetail)
    sources = _sources(task, detail.parts)
    parts = []
    for part in detail.parts:
        if part.detail is not None:
            source = sources[part.detail.index.algorithm]
            one = Task(task.name, part.spec, task.machine)
            cost = blob_cost(one, part.detail, source)
            part = replace(part, decision=replace(part.decision, cost=cost))  # noqa: PLW2901 -- it is the same part
        parts.append(part)
    return replace(
        step,
        cost=total_cost(parts),
        parts=tuple(
            replace(said, cost=part.decision.cost)
            for said, part in zip(step.parts, parts, strict=True)
        ),
    )


def do_many(task: Task[ExtractSpec], step: Step) -> Done:
    """Put the blobs together that are not there, in order, as far as that goes well."""
    parts = step.detail_as(ManyDetail).parts
    sources = _sources(task, parts)
    counted: list[Counted] = []
    error: DesyncRunError | None = None
    for part in parts:
        target = part.spec.target
        if part.detail is None:
            counted.append((target, "unchanged", part.decision.statistics))
        elif error is not None:
            counted.append((target, "skipped", {}))
        else:
            try:
                done = _do_part(task, part, sources[part.detail.index.algorithm])
            except DesyncRunError as found:
                error = found
                counted.append((target, _status(error).value, {}))
            else:
                counted.append((target, "done", done.statistics))
    return Done(_status(error), tally(counted, renamed(parts)), error)


def _do_part(task: Task[ExtractSpec], part: Part, source: ChunkSource) -> Done:
    """Put one blob together; an error says which."""
    one = Task(task.name, part.spec, task.machine)
    detail = part.detail
    if detail is None:
        raise AssertionError(f"{part.spec.target} is there already")
    try:
        task.machine.cancel.check()
        return do_blob(one, detail, source, part.decision.cost.work)
    except InterruptedRunError:
        raise
    except DesyncRunError as error:
        error.about(detail.target.path)
        raise


def _status(error: DesyncRunError | None) -> Status:
    if error is None:
        return Status.DONE
    return Status.INTERRUPTED if isinstance(error, InterruptedRunError) else Status.FAILED


def _sources(
    task: Task[ExtractSpec], parts: tuple[Part, ...]
) -> dict[DigestAlgorithm, ChunkSource]:
    """Open stores and cache, once for each digest algorithm that names chunks."""
    largest: dict[DigestAlgorithm, int] = {}
    for part in parts:
        if part.detail is not None:
            index = part.detail.index
            largest[index.algorithm] = max(largest.get(index.algorithm, 0), index.largest)
    return {
        algorithm: open_sources(task, Reading(algorithm, limit))
        for algorithm, limit in largest.items()
    }
