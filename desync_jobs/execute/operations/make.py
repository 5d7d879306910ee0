"""Doing `make`: one blob, or many."""

import os
from typing import TYPE_CHECKING

from desync_jobs.assembly.cutting import Stream
from desync_jobs.execute.first_look import first_look
from desync_jobs.execute.inputs import changed_since, open_input
from desync_jobs.execute.kept import lacking_in
from desync_jobs.execute.making import CHANGED, IndexWanted, cutting_of, make_chunks
from desync_jobs.execute.opening import Reading
from desync_jobs.execute.result import Done
from desync_jobs.execute.same_chunks import same_chunks
from desync_jobs.execute.task import Task
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.make import MakeSpec, OneMakeSpec
from desync_jobs.planner.facts import FileFacts
from desync_jobs.planner.making import DIFFERENT, MakeFacts
from desync_jobs.planner.step import Step

if TYPE_CHECKING:
    from desync_jobs.planner.making_many import MakingManyFacts


def survey_make(task: Task[MakeSpec]) -> "MakeFacts | MakingManyFacts":
    """Look whether each index that is there is that of its blob."""
    if not task.spec.several:
        (one,) = task.spec.listed
        return _survey_blob(Task(task.name, one, task.machine))
    # Imported where it is needed: most operations are about one blob.
    from desync_jobs.execute.making_many import survey_making_many

    return survey_making_many(task)


def _survey_blob(task: Task[OneMakeSpec]) -> MakeFacts:
    """Read the blob up to the first difference."""
    spec = task.spec
    look = first_look(task)
    if look.index is None or look.difference is not None:
        return MakeFacts(look.blob, look.target, look.difference, 0)
    difference = None if _same_chunks(task, look.blob, look.index) else DIFFERENT
    missing = 0
    if difference is None and spec.store is not None:
        ids = look.index.ids_at(look.index.distinct())
        missing = int(lacking_in(task, spec.store, Reading(look.index.algorithm), ids).sum())
    return MakeFacts(look.blob, look.target, difference, missing, len(look.index))


def _same_chunks(task: Task[OneMakeSpec], blob: FileFacts, index: Index) -> bool:
    machine = task.machine
    machine.progress.expect(blob.size)
    phase = task.phase("examining", blob.size)
    with open_input(blob.path, machine.streams) as fd:
        same = same_chunks(
            Stream(fd, blob.path),
            index,
            cutting_of(task),
            machine.workers,
            phase.advance,
        )
    if not same:
        machine.progress.expect(phase.done - blob.size)
    return same


def do_make(task: Task[MakeSpec], step: Step) -> Done:
    """Cut each blob, store what the store lacks, sync, and publish its index."""
    if step.parts:
        from desync_jobs.execute.making_many import do_making_many

        return do_making_many(task, step)
    (one,) = task.spec.listed
    spec = task.spec
    blob = step.detail_as(FileFacts)
    with open_input(blob.path, task.machine.streams) as fd:
        before = os.fstat(fd)

        def check() -> None:
            if changed_since(before, fd):
                task.warn(f"{blob.path} {CHANGED}")

        phase = task.phase("chunking" if spec.store is None else "storing", blob.size)
        wanted = IndexWanted(one.index, blob_flags(spec.digest, spec.cut))
        return make_chunks(task, Stream(fd, blob.path), wanted, check, phase)
