"""Doing `publish`: chunks, then indexes, then what says which of them is current."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from desync_jobs.execute.gathering import Gathered
from desync_jobs.execute.holdings import Wanted, look_up
from desync_jobs.execute.index_places import IndexPlace
from desync_jobs.execute.indexes import need_index
from desync_jobs.execute.kept import lacking_in
from desync_jobs.execute.opening import Reading, cache_place, open_stores, source_facts
from desync_jobs.execute.publication import Publishing, text_bytes
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.publish import PublishSpec
from desync_jobs.planner.copied import Lacking
from desync_jobs.planner.facts import IndexFacts
from desync_jobs.planner.holdings import Holdings, joined
from desync_jobs.planner.operations.publish import (
    Filling,
    PublishDetail,
    Published,
    PublishFacts,
    Sort,
    head_text,
    pointer_text,
    publish_cost,
)
from desync_jobs.planner.step import Step


def survey_publish(task: Task[PublishSpec]) -> PublishFacts:
    """Read the indexes, ask the stores what they lack, and look at what is public."""
    spec = task.spec
    gathered = Gathered()
    read = {}
    for name, text in zip(spec.names, spec.indexes, strict=True):
        read[name] = (text, need_index(task, text))
        gathered.add(read[name][1].index)
    parts = list(gathered.parts())
    return PublishFacts(
        stores=source_facts(task, spec.stores),
        wanted=sum(len(part.ids) for part in parts),
        filled=tuple(_filling(task, name, parts) for name in spec.filled),
        files=tuple(_files(task, read)),
    )


def _filling(task: Task[PublishSpec], name: str, parts: list[Lacking]) -> Filling:
    lacking = [
        part.only(lacking_in(task, name, Reading(part.algorithm), part.ids)) for part in parts
    ]
    return Filling(name, tuple(one for one in lacking if len(one.ids)), cache_place(task, name))


def _files(task: Task[PublishSpec], read: dict[str, tuple[str, IndexFacts]]) -> Iterator[Published]:
    """Yield every file in every place; the next sort when the one before is everywhere."""
    spec = task.spec
    places = {url: IndexPlace(task, url) for url in spec.places}
    wanted = {
        Sort.INDEX: {name: (text, found.file_digest) for name, (text, found) in read.items()},
        Sort.ALIAS: {
            name: (read[of][0], read[of][1].file_digest) for name, of in spec.aliases.items()
        },
        Sort.POINTER: {name: _text(pointer_text(of)) for name, of in spec.pointers.items()},
        Sort.HEAD: {} if spec.head is None else {spec.head: _text(_head(read))},
    }
    for sort, files in wanted.items():
        for url, place in places.items():
            for name, (source, digest) in files.items():
                yield Published(sort, url, name, source, digest, place.digest(name))


def _text(text: str) -> tuple[str, str]:
    return text, hashlib.sha256(text_bytes(text)).hexdigest()


def _head(read: dict[str, tuple[str, IndexFacts]]) -> str:
    return head_text(
        [
            (name, found.file_digest, found.index.blob_size, len(found.index))
            for name, (_, found) in read.items()
        ]
    )


def preview_publish(task: Task[PublishSpec], step: Step) -> Step:
    """Look where each chunk to be copied is, and say what copying costs by that."""
    detail = step.detail_as(PublishDetail)
    if not any(one.parts for one in detail.filled):
        return step
    holdings = [_holdings(task, one) for one in detail.filled]
    return replace(step, cost=publish_cost(task.spec, detail, holdings))


def _holdings(task: Task[PublishSpec], filling: Filling) -> Holdings | None:
    found = []
    for part in filling.parts:
        stores = open_stores(task, task.spec.stores, Reading(part.algorithm, part.limit))
        found.append(look_up(task, stores, Wanted(part.ids, part.sizes)))
    return joined(found) if found else None


def do_publish(task: Task[PublishSpec], step: Step) -> Done:
    """Store chunks and look for them there; then write and read back files, the head last."""
    publishing = Publishing(task, step.detail_as(PublishDetail))
    publishing.fill(step.cost.work)
    publishing.write()
    status = Status.DONE if publishing.changed else Status.UNCHANGED
    return Done(status, publishing.statistics())
