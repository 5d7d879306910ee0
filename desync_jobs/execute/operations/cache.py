"""Doing `cache`: copy chunks from stores into one store, in the form they are in."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from desync_jobs.errors import IndexMissingError
from desync_jobs.execute.gathering import Gathered
from desync_jobs.execute.holdings import Wanted, look_up
from desync_jobs.execute.ignored import ignored_ids
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.kept import lacking_in, rows, stored_counts
from desync_jobs.execute.opening import Reading, cache_place, open_store, open_stores, source_facts
from desync_jobs.execute.result import Done
from desync_jobs.execute.statistics import place_statistics
from desync_jobs.execute.task import Task
from desync_jobs.execute.transfer import Transfer, batches_of
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.cache import CacheOpSpec
from desync_jobs.planner.copied import Lacking
from desync_jobs.planner.holdings import joined
from desync_jobs.planner.operations.cache import CacheDetail, CacheFacts, cache_cost
from desync_jobs.planner.step import Step
from desync_jobs.stores.base import ChunkSource
from desync_jobs.stores.counters import sum_counts


def survey_cache(task: Task[CacheOpSpec]) -> CacheFacts:
    """Ask the cache which chunks of the indexes it lacks."""
    spec = task.spec
    ignored = ignored_ids(task, spec.ignore, spec.ignore_chunks)
    gathered = Gathered()
    for index in _indexes(task):
        gathered.add(index)
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


def _indexes(task: Task[CacheOpSpec]) -> Iterator[Index]:
    for text in task.spec.indexes:
        found = find_index(task, text)
        if found is None:
            raise IndexMissingError(f"{task.path(text)}: index does not exist")
        yield found.index


def do_cache(task: Task[CacheOpSpec], step: Step) -> Done:
    """Copy what is lacking; every chunk is verified on its way."""
    phase = task.phase("copying", step.cost.work)
    kept: Counter[str] = Counter()
    places: list[ChunkSource] = []
    for part in step.detail_as(CacheDetail).parts:
        store = open_store(task, task.spec.cache, Reading(part.algorithm))
        reading = Reading(part.algorithm, part.limit)
        copying = Transfer(open_stores(task, task.spec.stores, reading), store)
        places += [copying.source, store]
        for size in task.machine.workers.ordered(copying.copy, batches_of(part)):
            phase.advance(size)
        store.flush()
        kept.update(stored_counts(store))
    counts = place_statistics(sum_counts(one.counts() for one in places))
    return Done(statistics={"bytes": phase.done, **kept, "stores": counts})
