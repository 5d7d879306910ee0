"""Doing `unprune`: chunks first, then the indexes that need them."""

from desync_jobs.errors import UsageError
from desync_jobs.execute.opening import open_place_of_indexes, open_place_of_store, store_facts
from desync_jobs.execute.quarantine import bring_back, held
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.unprune import UnpruneSpec
from desync_jobs.planner.operations.unprune import UnpruneFacts
from desync_jobs.planner.step import Step


def survey_unprune(task: Task[UnpruneSpec]) -> UnpruneFacts:
    """Count what is in quarantine."""
    spec = task.spec
    facts = store_facts(task, spec.store)
    place = open_place_of_store(task, spec.store) if facts.present else None
    chunks = None if place is None else sum(1 for _ in held(place))
    places = [open_place_of_indexes(task, url) for url in spec.indexes_of]
    return UnpruneFacts(facts, chunks, sum(1 for one in places for _ in held(one)))


def do_unprune(task: Task[UnpruneSpec], step: Step) -> Done:  # noqa: ARG001 - the same for every kind
    """Bring everything back."""
    place = open_place_of_store(task, task.spec.store)
    if place is None:
        raise UsageError(f"store {task.spec.store} can have no quarantine")
    chunks = bring_back(place, list(held(place)))
    indexes = 0
    for url in task.spec.indexes_of:
        task.machine.cancel.check()
        found = open_place_of_indexes(task, url)
        indexes += bring_back(found, list(held(found)))
    return Done(statistics={"chunks_brought_back": chunks, "indexes_brought_back": indexes})
