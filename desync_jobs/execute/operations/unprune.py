"""Doing `unprune`: chunks first, then the indexes that need them, where all of them are there."""

from collections.abc import Iterator

from desync_jobs.errors import InvalidDataError, MissingError, UsageError
from desync_jobs.execute.gathering import Gathered
from desync_jobs.execute.inputs import INDEX_SIZE_LIMIT
from desync_jobs.execute.kept import lacking_in
from desync_jobs.execute.opening import (
    Reading,
    open_forms,
    open_place_of_indexes,
    open_place_of_store,
    store_facts,
)
from desync_jobs.execute.quarantine import (
    Held,
    bring_back,
    bring_back_unless_taken,
    held,
    returnable,
)
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import parse_index
from desync_jobs.manifest.index_places import below
from desync_jobs.manifest.operations.unprune import UnpruneSpec
from desync_jobs.planner.operations.unprune import UnpruneFacts
from desync_jobs.planner.step import Step
from desync_jobs.report.words import counted
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.objects.base import ObjectPlace
from desync_jobs.stores.objects.indexes import read_index_object


def survey_unprune(task: Task[UnpruneSpec]) -> UnpruneFacts:
    """Count what is in quarantine."""
    facts = store_facts(task, task.spec.store)
    place = open_place_of_store(task, task.spec.store) if facts.present else None
    forms = open_forms(task, task.spec.store)
    chunks = None if place is None else sum(1 for one in held(place) if forms.parse(one.name))
    return UnpruneFacts(facts, chunks, sum(len(found) for *_, found in _indexes(task, forms)))


def do_unprune(task: Task[UnpruneSpec], step: Step) -> Done:  # noqa: ARG001 - the same for every kind
    """Bring everything back; `MissingError` where indexes stay that lack chunks."""
    place = open_place_of_store(task, task.spec.store)
    if place is None:
        raise UsageError(f"store {task.spec.store} can have no quarantine")
    forms = open_forms(task, task.spec.store)
    chunks = bring_back(place, [one for one in held(place) if forms.parse(one.name)])
    indexes, left = 0, list[str]()
    for url, where, found in _indexes(task, forms):
        task.leases.expect(below(task.path(url), one.name) for one in found)
        for one in found:
            task.machine.cancel.check()
            called = below(task.path(url), one.name)
            if _lacks_chunks(task, where, one):
                left.append(called)
                continue
            task.leases.index_appears(called)
            indexes += bring_back_unless_taken(where, one)
    if left:
        more = f", as {counted(len(left) - 1, 'other index')} do" if len(left) > 1 else ""
        raise MissingError(
            f"{left[0]} stays in quarantine{more}: store {task.spec.store} lacks chunks that it "
            "has; run again where a listing may have been late, or store them again"
        )
    return Done(statistics={"chunks_brought_back": chunks, "indexes_brought_back": indexes})


def _lacks_chunks(task: Task[UnpruneSpec], where: ObjectPlace, one: Held) -> bool:
    """Whether the store lacks chunks of an index in quarantine, now that all of them are back.

    A listing may not have shown some, and some may have gone for good.
    """
    gathered = Gathered()
    try:
        data = read_index_object(where, one.place, INDEX_SIZE_LIMIT)
        if data is not None:
            gathered.add(parse_index(data, one.place))
    except InvalidDataError:
        return False  # whatever it is, it needs nothing that anybody knows of
    return any(
        lacking_in(task, task.spec.store, Reading(part.algorithm), part.ids).any()
        for part in gathered.parts()
    )


def _indexes(
    task: Task[UnpruneSpec], forms: ChunkForms
) -> Iterator[tuple[str, ObjectPlace, list[Held]]]:
    """Yield places of indexes, and what of each comes back; a store may be among them."""
    for url in task.spec.indexes_of:
        place = open_place_of_indexes(task, url)
        aside = (one for one in held(place) if forms.parse(one.name) is None)
        yield url, place, returnable(place, aside)
