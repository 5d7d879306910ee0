"""Doing `migrate`: chunks first, all of them; then indexes; then what is gone."""

import hashlib
import os
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.errors import UsageError
from desync_jobs.execute.gathering import Gathered
from desync_jobs.execute.holdings import Wanted as Asked
from desync_jobs.execute.holdings import look_up
from desync_jobs.execute.index_places import IndexPlace
from desync_jobs.execute.migrating import Migrating
from desync_jobs.execute.migration_copying import read_id_map, unread
from desync_jobs.execute.migration_progress import CopyProgress
from desync_jobs.execute.migration_sources import (
    Selected,
    all_chunks,
    ids_digest,
    no_chunks,
    selected_indexes,
)
from desync_jobs.execute.opening import Reading, cache_place, open_stores, source_facts
from desync_jobs.execute.published import publish_text, read_published
from desync_jobs.execute.renaming import renamed_index
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.task import Task
from desync_jobs.formats.id_map import IDMap
from desync_jobs.formats.index import serialize_index
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.planner.copied import Lacking
from desync_jobs.planner.holdings import joined
from desync_jobs.planner.migration_report import SIZE_LIMIT, report_text, reported_indexes
from desync_jobs.planner.migration_values import MovedIndex, Wanted
from desync_jobs.planner.operations.migrate import MigrateDetail, MigrateFacts, migrate_cost
from desync_jobs.planner.step import Step


def survey_migrate(task: Task[MigrateSpec]) -> MigrateFacts:
    """Read every index, or list the store, and ask the other one what it lacks."""
    spec = task.spec
    _check_apart(task)
    _check_verified(task)
    report = None if spec.report is None else read_published(task.path(spec.report), SIZE_LIMIT)
    reported = None if report is None else report.decode("utf-8", "replace")
    pairs = read_id_map(task)
    gathered = Gathered()
    anew: list[Lacking] = []
    moved: list[MovedIndex] = []
    to = None if spec.indexes_to is None else IndexPlace(task, spec.indexes_to)
    becomes = reported_indexes(spec, reported)
    for one in selected_indexes(task):
        gathered.add(one.index)
        found = None if to is None else to.digest(one.moved.name)
        target = _target(spec, one, pairs, becomes)
        moved.append(replace(one.moved, target=target, found=found))
        if spec.chunk_size is not None and not moved[-1].done:
            anew.append(_distinct(one))
    parts = list(gathered.parts()) if spec.selective else [all_chunks(task)]
    wanted = Wanted(
        sum(len(part.ids) for part in parts),
        sum(int(part.sizes.sum()) for part in parts),
        ids_digest(parts),
    )
    lacking, had = anew, list[Lacking]()
    if spec.chunk_size is None:
        absent = [_absent(task, part, pairs) for part in parts]
        lacking = [part.only(one) for part, one in zip(parts, absent, strict=True)]
        if spec.rewrite or spec.indexes_to is None:
            had = [part.only(~one) for part, one in zip(parts, absent, strict=True)]
    had = [part for part in had if len(part.ids)]
    there = [] if to is None else [f.name for root in spec.roots for f in to.listed(root)]
    gone = set(there) - {one.name for one in moved} if spec.remove_gone else set()
    urls = {one.url for one in moved}
    return MigrateFacts(
        stores=source_facts(task, spec.stores),
        wanted=wanted,
        lacking=tuple(part for part in lacking if len(part.ids)),
        rewritable=tuple(had) if spec.rewrite else (),
        had=tuple(had) if spec.indexes_to is None else (),
        indexes=tuple(moved),
        empty=tuple(root.url for root in spec.roots if task.path(root.url) not in urls),
        gone=tuple(sorted(gone)),
        there=len(set(there)),
        place=cache_place(task, spec.store),
        reported=reported,
        begun=spec.progress is not None and os.path.exists(task.path(spec.progress)),
        ids=parts[0].ids if spec.progress is not None else no_chunks(),
    )


def _check_apart(task: Task[MigrateSpec]) -> None:
    """Refuse to copy a store to where it is, where that changes nothing."""
    spec, job = task.spec, task.machine.job
    if spec.rewrite or spec.digest or spec.chunk_size or spec.indexes_to:
        return
    own = _kept_at(job, spec.store)
    if all(_kept_at(job, one) == own for name in spec.stores for one in job.spec.members(name)):
        raise UsageError(
            f"store {spec.store}: {job.location(spec.store)} is where the chunks are taken from, "
            "and keeps them in the same form; name another store, or what is to change: rewrite, "
            "digest, chunk_size or indexes_to"
        )


def _kept_at(job: Job, name: str) -> tuple[str, dict[str, object]]:
    """Return where a store is, links followed, and how it is declared besides."""
    place, location = job.spec.place(name), job.location(name)
    where = location.rstrip("/") if place.directory is None else os.path.realpath(location)
    return where, place.model_dump(exclude={"url"})


def _check_verified(task: Task[MigrateSpec]) -> None:
    """Refuse new IDs for what nobody has held against the old ones."""
    job = task.machine.job.spec
    for name in task.spec.stores if task.spec.digest is not None else ():
        for member in job.members(name):
            if job.place(member).skip_verify:
                raise UsageError(
                    f"store {member}: skip_verify would give damaged chunks IDs that fit them; "
                    "leave it out while the digest is changed"
                )


def _target(
    spec: MigrateSpec, one: Selected, pairs: IDMap, reported: dict[tuple[str, str], str]
) -> str | None:
    """Return the SHA-256 that an index will have, where that is known."""
    if spec.chunk_size is not None:
        return reported.get((one.moved.name, one.moved.source))
    if spec.digest in (None, one.index.algorithm):
        return one.moved.source
    renamed = renamed_index(one.index, pairs, spec.digest)
    return None if renamed is None else hashlib.sha256(serialize_index(renamed)).hexdigest()


def _distinct(one: Selected) -> Lacking:
    index = one.index
    positions = index.distinct()
    ids, sizes = index.ids_at(positions), index.lengths_at(positions)
    return Lacking(index.algorithm, ids, sizes, index.largest)


def _absent(task: Task[MigrateSpec], part: Lacking, pairs: IDMap) -> NDArray[np.bool_]:
    """Return what is to be read, as far as no run that was stopped says that it has copied it."""
    absent = np.ones(len(part.ids), np.bool_)
    if not task.spec.selective:
        absent = CopyProgress(task, part.ids).lacking()
    absent[absent] = unread(task, part.only(absent), pairs)
    return absent


def preview_migrate(task: Task[MigrateSpec], step: Step) -> Step:
    """Look where each chunk to be copied is; the stored sizes of a whole store are known."""
    detail = step.detail_as(MigrateDetail)
    if not task.spec.selective or not detail.parts:
        return step
    found = []
    for part in detail.parts:
        stores = open_stores(task, task.spec.stores, Reading(part.algorithm, part.limit))
        found.append(look_up(task, stores, Asked(part.ids, part.sizes)))
    cost = migrate_cost(task.spec, detail, joined(found))
    return replace(step, cost=replace(cost, deletes=step.cost.deletes))


def do_migrate(task: Task[MigrateSpec], step: Step) -> Done:
    """Copy chunks, write indexes and the report; every chunk is verified on its way."""
    detail = step.detail_as(MigrateDetail)
    migrating = Migrating(task, detail)
    if task.spec.chunk_size is None:
        migrating.copy(step.cost.work)
    indexes = migrating.publish()
    migrating.remove_gone()
    if task.spec.report is not None:
        publish_text(task.path(task.spec.report), report_text(task.spec, detail.wanted, indexes))
    migrating.finish()
    statistics = migrating.statistics()
    changed = any(statistics[key] for key in _CHANGES)
    return Done(Status.DONE if changed else Status.UNCHANGED, statistics)


_CHANGES: Final = ("chunks_stored", "chunks_rewritten", "indexes_written", "indexes_removed")
