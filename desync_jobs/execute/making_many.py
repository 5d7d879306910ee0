"""`make` of many blobs: which they are, whether they have changed, and making them.

Blobs are read wherever the engine has them read. Their indexes are published here, in order, each
when its chunks are stored and synced.
"""

from collections.abc import Generator, Sequence
from contextlib import closing

import numpy as np

from desync_jobs.execute.blob_work import blob_batches
from desync_jobs.execute.blobs import blobs_made
from desync_jobs.execute.comparing_blobs import ComparingBlobs, ToCompare
from desync_jobs.execute.engines.base import uncounted
from desync_jobs.execute.first_look import FirstLook, first_look
from desync_jobs.execute.kept import lacking_in
from desync_jobs.execute.making import CHANGED
from desync_jobs.execute.making_batch import BlobMade, Making, ToMake
from desync_jobs.execute.opening import Reading
from desync_jobs.execute.parts import do_parts
from desync_jobs.execute.publishing import published
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.target_folder import need_folder
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.formats.unique import unique_chunks
from desync_jobs.manifest.operations.make import MakeSpec, OneMakeSpec
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.making import DIFFERENT, MakeFacts
from desync_jobs.planner.making_many import BlobMadeFacts, MakingManyFacts
from desync_jobs.planner.parts import Part, PartsDetail
from desync_jobs.planner.step import Step


def survey_making_many(task: Task[MakeSpec]) -> MakingManyFacts:
    """Look at each blob and at its index, and read those blobs that may be unchanged.

    Raises `SourceError` for a pattern that stands for nothing, and `TargetError` for a folder that
    is not there: it would be found out only when other indexes are published.
    """
    specs = blobs_made(task.machine.job, task.name, task.spec)
    places = [_place(task.path(one.index)) for one in specs]
    looks = [_look(task, one) for one in specs]
    same = _unchanged(task, looks)
    missing = _missing(task, same)
    found = []
    for at, (spec, place, look) in enumerate(zip(specs, places, looks, strict=True)):
        index = same.get(at)
        difference = None if index is not None else look.difference or DIFFERENT
        chunks = 0 if look.index is None else len(look.index)
        facts = MakeFacts(look.blob, look.target, difference, missing.get(at, 0), chunks)
        found.append(BlobMadeFacts(spec, facts, place))
    return MakingManyFacts(tuple(found))


def _place(path: str) -> str:
    return path if url_scheme(path) else need_folder(path)


def _look(task: Task[MakeSpec], one: OneMakeSpec) -> FirstLook:
    task.machine.cancel.check()
    return first_look(Task(task.name, one, task.machine))


def _unchanged(task: Task[MakeSpec], looks: Sequence[FirstLook]) -> dict[int, Index]:
    """Return the indexes of the blobs that they describe, by the number of the blob."""
    wanted = [
        (at, ToCompare(look.blob.path, look.index))
        for at, look in enumerate(looks)
        if look.index is not None and look.difference is None
    ]
    if not wanted:
        return {}
    total = sum(one.size for _, one in wanted)
    task.machine.progress.expect(total)
    phase = task.phase("examining", total)
    work = ComparingBlobs(task.spec, phase.advance)
    batches = blob_batches([one for _, one in wanted])
    unchanged = {}
    left, position = iter(wanted), 0
    with closing(task.machine.engine.spread(task, work, batches, uncounted)) as answers:
        for answer in answers:
            for same in answer:
                at, one = next(left)
                position += one.size
                phase.reach(position)
                if same:
                    unchanged[at] = one.index
    return unchanged


def _missing(task: Task[MakeSpec], unchanged: dict[int, Index]) -> dict[int, int]:
    """Return how many chunks of each index the store lacks, by the number of the blob."""
    store = task.spec.store
    if store is None or not unchanged:
        return {}
    # Blobs may share most of their chunks: each is asked for once.
    ids = [index.ids_at(index.distinct()) for index in unchanged.values()]
    every = np.concatenate(ids)
    first, group = unique_chunks(every)
    lacks = lacking_in(task, store, Reading(task.spec.digest), every[first])[group]
    of_each = np.split(lacks, np.cumsum([len(one) for one in ids])[:-1])
    return {at: int(one.sum()) for at, one in zip(unchanged, of_each, strict=True)}


def do_making_many(task: Task[MakeSpec], step: Step) -> Done:
    """Make the blobs into chunks whose indexes are not there, as far as that goes well."""
    detail: PartsDetail[OneMakeSpec] = step.detail_as(PartsDetail)
    with closing(_done(task, [part for part in detail.parts if part.to_do])) as done:
        return do_parts(detail, done)


def _done(task: Task[MakeSpec], parts: Sequence[Part[OneMakeSpec]]) -> Generator[Done, None, None]:
    """Yield what comes of each blob when its index is in its place."""
    blobs = [_to_make(part) for part in parts]
    name = "chunking" if task.spec.store is None else "storing"
    phase = task.phase(name, sum(one.size for one in blobs))
    work = Making(task.spec, phase.advance)
    first = position = 0
    with closing(task.machine.engine.spread(task, work, blob_batches(blobs), uncounted)) as answers:
        for answer in answers:
            last = first + len(answer.made)
            indexes = [
                (part.spec.index, made.index)
                for part, made in zip(parts[first:last], answer.made, strict=True)
            ]
            for made, status in zip(answer.made, published(task, indexes), strict=True):
                if made.changed:
                    task.warn(f"{blobs[first].path} {CHANGED}")
                position += blobs[first].size
                phase.reach(position)
                first += 1
                yield _outcome(made, status)
            if answer.error is not None:
                raise answer.error


def _to_make(part: Part[OneMakeSpec]) -> ToMake:
    blob = part.decision.detail
    if not isinstance(blob, FileFacts):
        raise TypeError(f"{part.target} carries {blob!r}")
    return ToMake(blob.path, blob.size)


def _outcome(made: BlobMade, status: Status) -> Done:
    statistics = {
        "bytes": made.size,
        "chunks": made.chunks,
        "chunks_stored": made.stored.chunks,
        "bytes_stored": made.stored.size,
    }
    return Done(Status.DONE if made.stored.chunks else status, statistics)
