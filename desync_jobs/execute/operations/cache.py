"""Doing `cache`: copy chunks from stores into one store, in the form they are in."""

from dataclasses import replace

import numpy as np

from desync_jobs.execute.chunk_work import Copying
from desync_jobs.execute.engines.base import Tally
from desync_jobs.execute.gathering import Gathered
from desync_jobs.execute.holdings import Wanted, look_up
from desync_jobs.execute.ignored import ignored_ids
from desync_jobs.execute.indexes import need_index
from desync_jobs.execute.kept import lacking_in, rows
from desync_jobs.execute.opening import Reading, cache_place, open_stores, source_facts
from desync_jobs.execute.result import Done
from desync_jobs.execute.statistics import place_statistics
from desync_jobs.execute.task import Task
from desync_jobs.execute.transfer import batches_of
from desync_jobs.manifest.operations.cache import CacheOpSpec
from desync_jobs.planner.copied import Lacking
from desync_jobs.planner.holdings import joined
from desync_jobs.planner.operations.cache import CacheDetail, CacheFacts, cache_cost
from desync_jobs.planner.step import Step
from desync_jobs.stores.counters import NO_COUNTS, sum_counts


def survey_cache(task: Task[CacheOpSpec]) -> CacheFacts:
    """Ask the cache which chunks of the indexes it lacks."""
    spec = task.spec
    ignored = ignored_ids(task, spec.ignore, spec.ignore_chunks)
    gathered = Gathered()
    for text in spec.indexes:
        gathered.add(need_index(task, text).index)
    wanted = 0
    parts: list[Lacking] = []
    for part in gathered.parts():
        kept = part
        if ignored:
            kept = part.only(np.array([one not in ignored for one in rows(part.ids)], np.bool_))
        wanted += len(kept.ids)
        reading = Reading(kept.algorithm)
        parts.append(kept.only(lacking_in(task, spec.cache, reading, kept.ids)))
    return CacheFacts(
        source_facts(task, spec.stores), wanted, tuple(parts), cache_place(task, spec.cache)
    )


def preview_cache(task: Task[CacheOpSpec], step: Step) -> Step:
    """Look where each chunk to be copied is, and say what copying costs by that."""
    detail = step.detail_as(CacheDetail)
    found = []
    for part in detail.parts:
        stores = open_stores(task, task.spec.stores, Reading(part.algorithm, part.limit))
        found.append(look_up(task, stores, Wanted(part.ids, part.sizes)))
    return replace(step, cost=cache_cost(task.spec, detail, joined(found)))


def do_cache(task: Task[CacheOpSpec], step: Step) -> Done:
    """Copy what is lacking; every chunk is verified on its way."""
    phase = task.phase("copying", step.cost.work)
    tallies: list[Tally] = []
    for part in step.detail_as(CacheDetail).parts:
        read, written = Reading(part.algorithm, part.limit), Reading(part.algorithm)
        work = Copying(task.spec.stores, task.spec.cache, read, written)
        spread = task.machine.engine.spread(task, work, batches_of(part), tallies.append)
        for size, _ in spread:
            phase.advance(size)
    counts = sum_counts(tallies)
    kept = counts.get(task.spec.cache, NO_COUNTS)
    return Done(
        statistics={
            "bytes": phase.done,
            "chunks_stored": kept.chunks_added,
            "bytes_stored": kept.stored_bytes_added,
            "stores": place_statistics(counts),
        }
    )
