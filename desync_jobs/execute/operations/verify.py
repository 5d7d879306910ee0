"""Doing `verify`: every chunk file of a store is decoded and digested."""

from collections.abc import Iterator
from dataclasses import dataclass

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.errors import ChunkInvalidError, InvalidDataError
from desync_jobs.execute.opening import Reading, open_store, store_facts
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.verify import VerifySpec
from desync_jobs.planner.operations.verify import VerifyFacts
from desync_jobs.planner.plan import Step
from desync_jobs.stores.abandoned import Tidying
from desync_jobs.stores.base import BATCH_BYTES, BATCH_CHUNKS, ChunkStore, StoredEntry

_SHOWN = 10
"""Damaged chunks named in the message; warnings and statistics name all."""


def survey_verify(task: Task[VerifySpec]) -> VerifyFacts:
    """Count what is in the store."""
    facts = store_facts(task, task.spec.store)
    if not facts.present:
        return VerifyFacts(facts, 0, 0)
    count = size = 0
    for entry in open_store(task, task.spec.store, _reading(task)).entries():
        task.machine.cancel.check()
        count += 1
        size += entry.size
    return VerifyFacts(facts, count, size)


def do_verify(task: Task[VerifySpec], step: Step) -> Done:
    """Check every chunk file that is there; with `repair` remove damaged ones.

    And what writers that were killed left behind.
    """
    store = open_store(task, task.spec.store, _reading(task))
    phase = task.phase("verifying", step.cost.work)
    damaged: list[str] = []
    checked = 0

    def check(entries: list[StoredEntry]) -> _Checked:
        found = zip(entries, store.examine(entries), strict=True)
        bad = [(entry, error) for entry, error in found if error is not None]
        return _Checked(len(entries), sum(entry.size for entry in entries), bad)

    for part in task.machine.workers.ordered(check, _batches(store)):
        checked += part.chunks
        phase.advance(part.size)
        for entry, error in part.damaged:
            damaged.append(entry.id.hex())
            if task.spec.repair:
                store.remove(entry)
            task.warn(f"{error}; removed" if task.spec.repair else str(error))
    abandoned = store.remove_abandoned() if task.spec.repair and isinstance(store, Tidying) else 0
    statistics = {
        "chunks": checked,
        "bytes_stored": phase.done,
        "damaged": damaged,
        "removed": len(damaged) if task.spec.repair else 0,
        "abandoned_files_removed": abandoned,
    }
    if damaged:
        return Done(Status.FAILED, statistics, _damage(task, damaged))
    return Done(statistics=statistics)


@dataclass(frozen=True, slots=True)
class _Checked:
    chunks: int
    size: int
    damaged: list[tuple[StoredEntry, ChunkInvalidError]]


def _damage(task: Task[VerifySpec], ids: list[str]) -> InvalidDataError:
    shown = ", ".join(ids[:_SHOWN])
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    done = "were removed" if task.spec.repair else "are damaged; repair removes them"
    return InvalidDataError(f"store {task.spec.store}: {len(ids)} chunks {done}: {shown}{more}")


def _reading(task: Task[VerifySpec]) -> Reading:
    """Read with the digest asked for, or with whichever of the two fits the name."""
    if task.spec.digest == "auto":
        return Reading(DigestAlgorithm.SHA512_256, also=DigestAlgorithm.SHA256)
    return Reading(DigestAlgorithm(task.spec.digest))


def _batches(store: ChunkStore) -> Iterator[list[StoredEntry]]:
    """Yield entries in batches; plain sizes are not known, stored ones bound the batch."""
    batch: list[StoredEntry] = []
    size = 0
    for entry in store.entries():
        if batch and (len(batch) == BATCH_CHUNKS or size + entry.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size
    if batch:
        yield batch
