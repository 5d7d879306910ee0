"""Doing `publish`: each thing only when everything that it names is in its place."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from desync_jobs.errors import IndexMissingError, SourceError, StoreError
from desync_jobs.execute.gathering import Gathered
from desync_jobs.execute.holdings import Wanted, look_up
from desync_jobs.execute.index_places import IndexPlace
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.kept import lacking_in, stored_counts
from desync_jobs.execute.opening import Reading, cache_place, open_store, open_stores, source_facts
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.statistics import place_statistics
from desync_jobs.execute.task import Task
from desync_jobs.execute.transfer import Transfer, batches_of
from desync_jobs.formats.index import serialize_index
from desync_jobs.manifest.operations.publish import PublishSpec
from desync_jobs.planner.facts import IndexFacts
from desync_jobs.planner.holdings import joined
from desync_jobs.planner.operations.publish import (
    NOTHING,
    PublishDetail,
    Published,
    PublishFacts,
    head_text,
    publish_cost,
)
from desync_jobs.planner.step import Step
from desync_jobs.stores.base import ChunkSource
from desync_jobs.stores.counters import sum_counts

_JSON = "application/json"


def survey_publish(task: Task[PublishSpec]) -> PublishFacts:
    """Read the indexes, ask the store what it lacks, and look at what is public."""
    spec = task.spec
    to = IndexPlace(task, spec.indexes_to)
    gathered = Gathered()
    read = {}
    for name, text in zip(spec.names, spec.indexes, strict=True):
        read[name] = (text, _need(task, text))
        gathered.add(read[name][1].index)
    parts = list(gathered.parts())
    lacking = [
        part.only(lacking_in(task, spec.store, Reading(part.algorithm), part.ids)) for part in parts
    ]
    wanted = {**{name: name for name in read}, **spec.aliases}
    published = [
        Published(name, read[of][0], read[of][1].file_digest, to.digest(name))
        for name, of in wanted.items()
    ]
    return PublishFacts(
        stores=source_facts(task, spec.stores),
        wanted=sum(len(part.ids) for part in parts),
        lacking=tuple(part for part in lacking if len(part.ids)),
        indexes=tuple(published[: len(read)]),
        aliases=tuple(published[len(read) :]),
        head=_head(spec, {name: found for name, (_, found) in read.items()}, to),
        place=cache_place(task, spec.store),
    )


def _need(task: Task[PublishSpec], text: str) -> IndexFacts:
    found = find_index(task, text)
    if found is None:
        raise IndexMissingError(f"{task.path(text)}: index does not exist")
    return found


def _head(spec: PublishSpec, read: dict[str, IndexFacts], to: IndexPlace) -> Published | None:
    if spec.head is None:
        return None
    text = head_text(
        [
            (name, found.file_digest, found.index.blob_size, len(found.index))
            for name, found in read.items()
        ]
    )
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Published(spec.head, text, digest, to.digest(spec.head))


def preview_publish(task: Task[PublishSpec], step: Step) -> Step:
    """Look where each chunk to be copied is, and say what copying costs by that."""
    detail = step.detail_as(PublishDetail)
    if not detail.parts:
        return step
    found = []
    for part in detail.parts:
        stores = open_stores(task, task.spec.stores, Reading(part.algorithm, part.limit))
        found.append(look_up(task, stores, Wanted(part.ids, part.sizes)))
    return replace(step, cost=publish_cost(task.spec, detail, joined(found)))


def do_publish(task: Task[PublishSpec], step: Step) -> Done:
    """Store chunks and look for them there; then write and read back files, heads last."""
    detail = step.detail_as(PublishDetail)
    kept, places = _copy(task, detail, step.cost.work)
    to = IndexPlace(task, task.spec.indexes_to)
    written = 0
    for published, data, content_type in _files(task, detail):
        task.machine.cancel.check()
        for lease in task.leases.values():
            lease.check()
        written += to.write(published.name, data, *content_type)
    counts = place_statistics(sum_counts(one.counts() for one in places))
    statistics = {**NOTHING, **kept, "files_written": written, "stores": counts}
    changed = written or kept["chunks_stored"]
    return Done(Status.DONE if changed else Status.UNCHANGED, statistics)


def _copy(
    task: Task[PublishSpec], detail: PublishDetail, work: int
) -> tuple[Counter[str], list[ChunkSource]]:
    """Copy what is lacking, and look whether it is there; returns what was counted, and where."""
    phase = task.phase("copying", work)
    kept: Counter[str] = Counter()
    places: list[ChunkSource] = []
    for part in detail.parts:
        store = open_store(task, task.spec.store, Reading(part.algorithm))
        source = open_stores(task, task.spec.stores, Reading(part.algorithm, part.limit))
        places += [source, store]
        transfer = Transfer(source, store)
        for size in task.machine.workers.ordered(transfer.copy, batches_of(part)):
            phase.advance(size)
        store.flush()
        kept.update(stored_counts(store))
        absent = lacking_in(task, task.spec.store, Reading(part.algorithm), part.ids)
        if absent.any():
            raise StoreError(
                f"store {task.spec.store}: chunk {part.ids[absent][0].tobytes().hex()} is not "
                "there after it was stored; no index was published"
            )
    kept["bytes"] = phase.done
    return kept, places


def _files(
    task: Task[PublishSpec], detail: PublishDetail
) -> Iterator[tuple[Published, bytes, tuple[str, ...]]]:
    """Yield what is to be written, in that order, with its content and the type of that."""
    for one in (*detail.indexes, *detail.aliases):
        if not one.done:
            found = _need(task, one.source)
            if found.file_digest != one.digest:
                raise SourceError(f"{found.path} has changed since it was looked at; run again")
            yield one, serialize_index(found.index), ()
    if detail.head is not None and not detail.head.done:
        yield detail.head, detail.head.source.encode(), (_JSON,)
