"""Doing `chop`: read the chunks the store lacks from the blob, check them, keep them."""

import numpy as np

from desync_jobs.assembly.batches import batches
from desync_jobs.assembly.pieces import PieceReader
from desync_jobs.core.segments import Positions
from desync_jobs.execute.ignored import ignored_ids
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.inputs import file_facts, open_input
from desync_jobs.execute.kept import lacking_in, rows, stored_counts
from desync_jobs.execute.opening import Reading, open_store
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.chop import ChopSpec
from desync_jobs.planner.operations.chop import ChopDetail, ChopFacts
from desync_jobs.planner.step import Step
from desync_jobs.stores.base import Chunk


def survey_chop(task: Task[ChopSpec]) -> ChopFacts:
    """Ask the store which chunks of the index it lacks."""
    spec, machine = task.spec, task.machine
    found = find_index(task, spec.index)
    blob = file_facts(task.path(spec.blob), machine.streams)
    if found is None:
        return ChopFacts(None, blob, np.empty(0, np.int64))
    first = found.index.distinct()
    ids = found.index.ids_at(first)
    absent = lacking_in(task, spec.store, Reading(found.index.algorithm), ids)
    ignored = ignored_ids(task, spec.ignore, spec.ignore_chunks)
    if ignored:
        absent &= np.array([one not in ignored for one in rows(ids)], np.bool_)
    return ChopFacts(found, blob, first[absent])


def do_chop(task: Task[ChopSpec], step: Step) -> Done:
    """Store what the store lacks; a blob that is not the index's is an error at once."""
    detail = step.detail_as(ChopDetail)
    index, machine = detail.index, task.machine
    store = open_store(task, task.spec.store, Reading(index.algorithm))
    phase = task.phase("storing", step.cost.work)
    with open_input(detail.blob.path, machine.streams) as fd:
        reader = PieceReader(fd, detail.blob.path, index, machine.kernel)

        def keep(positions: Positions) -> int:
            with reader.verified(positions.tolist()) as pieces:
                ids = [index.id(position) for position in positions.tolist()]
                store.put([Chunk(*pair) for pair in zip(ids, pieces, strict=True)])
                return sum(map(len, pieces))

        for size in machine.workers.ordered(keep, batches(index, detail.lacking)):
            phase.advance(size)
    store.flush()
    return Done(statistics={"bytes": phase.done, **stored_counts(store)})
