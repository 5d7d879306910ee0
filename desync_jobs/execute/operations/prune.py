"""Doing `prune`: what was planned to go is looked at once more, alone in the store, and goes."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.execute.leasing import lease_of
from desync_jobs.execute.opening import (
    Reading,
    open_forms,
    open_place_of_indexes,
    open_place_of_store,
    open_store,
    store_facts,
)
from desync_jobs.execute.quarantine import bring_back, held, put_aside, stamp_of
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.roots import Expiry, Needed, read_published, read_roots
from desync_jobs.execute.stock import EMPTY, entries_at, read_marks, take_stock, write_marks
from desync_jobs.execute.task import Task
from desync_jobs.formats.marks import NO_MARKS, Keys, mark_keys, prefixes
from desync_jobs.manifest.operations.prune import PruneSpec
from desync_jobs.planner.garbage import Garbage, sort_out
from desync_jobs.planner.operations.prune import (
    PruneDetail,
    PruneFacts,
    check_roots,
    grace_of,
)
from desync_jobs.planner.step import Step
from desync_jobs.stores.abandoned import Tidying
from desync_jobs.stores.base import ChunkStore, StoredEntry
from desync_jobs.stores.leases.base import Lease
from desync_jobs.stores.leases.ledger import Role
from desync_jobs.stores.objects.base import ObjectPlace

_BATCH: Final = 64
_READING: Final = Reading(DigestAlgorithm.SHA512_256, also=DigestAlgorithm.SHA256)


def survey_prune(task: Task[PruneSpec]) -> PruneFacts:
    """Read every index, and list the store."""
    return _look(task, Needed(), Expiry(time.time()))


def _look(task: Task[PruneSpec], needed: Needed, expiry: Expiry) -> PruneFacts:
    """Return the facts, where `needed` has what is needed besides the roots of the job."""
    spec = task.spec
    facts = store_facts(task, spec.store)
    roots = read_roots(task, needed, expiry)
    place = open_place_of_store(task, spec.store) if facts.present else None
    store = open_store(task, spec.store, _READING)
    return PruneFacts(
        store=facts,
        keeps_marks=place is not None,
        roots=roots,
        needed=needed.keys,
        stock=take_stock(task, store) if facts.present else EMPTY,
        marks=NO_MARKS if place is None else read_marks(place),
        quarantined=() if place is None else tuple(one.name for one in held(place)),
        now=expiry.now,
    )


def do_prune(task: Task[PruneSpec], step: Step) -> Done:
    """Remove of what was planned what is garbage still, when nobody adds to the store."""
    detail = step.detail_as(PruneDetail)
    with lease_of(task, task.spec.store, Role.COLLECTOR) as lease:
        needed = Needed()
        if lease is not None:
            read_published(task, lease.published(), needed)
        facts = _look(task, needed, Expiry(time.time(), detail.expired))
        check_roots(task.spec, facts)
        garbage = sort_out(facts.stock, facts.needed, facts.marks, facts.now, grace_of(task.spec))
        pruning = _Pruning(task, facts, lease)
        statistics = {
            "indexes_removed": pruning.expire(),
            "chunks_brought_back": pruning.bring_back(),
            **pruning.sweep(garbage, detail.deleted),
            "chunks_purged": pruning.purge(),
            "abandoned_files_removed": pruning.tidy(),
        }
    changed = any(value for key, value in statistics.items() if key not in _STANDING)
    return Done(Status.DONE if changed else Status.UNCHANGED, statistics)


_STANDING: Final = frozenset({"chunks_kept", "chunks_marked"})
"""Statistics of what was left as it is."""


@dataclass(frozen=True, slots=True)
class _Pruning:
    """One run, while the store is had alone."""

    task: Task[PruneSpec]
    facts: PruneFacts
    lease: Lease | None

    def expire(self) -> int:
        """Remove indexes that no rule keeps, before anything that they need."""
        count = 0
        for root in self.facts.roots:
            if root.expired:
                self._check()
                self._remove(open_place_of_indexes(self.task, root.url), root.expired)
                count += len(root.expired)
        return count

    def bring_back(self) -> int:
        """Bring back chunks that were put aside and are needed again."""
        if not self.facts.quarantined:
            return 0
        place = open_place_of_store(self.task, self.task.spec.store)
        forms = open_forms(self.task, self.task.spec.store)
        if place is None:
            return 0
        self._check()
        wanted = []
        for one in held(place):
            parsed = forms.parse(one.name)
            if parsed is not None and self._needs(parsed[0]):
                wanted.append(one)
        return bring_back(place, wanted)

    def _needs(self, chunk_id: bytes) -> bool:
        key = prefixes(np.frombuffer(chunk_id, np.uint8).reshape(1, -1))
        return bool(np.isin(key, self.facts.needed).any())

    def sweep(self, garbage: Garbage, planned: Keys) -> dict[str, int]:
        """Remove garbage that was planned to go, and mark what else is garbage."""
        task, stock = self.task, self.facts.stock
        going = np.flatnonzero(garbage.deleted)
        keys = mark_keys(stock.ids[going], stock.compressed[going])
        going = going[np.isin(keys, planned)]
        store = open_store(task, task.spec.store, _READING)
        phase = task.phase("removing", int(stock.sizes[going].sum()))
        place = open_place_of_store(task, task.spec.store)

        def remove(batch: list[StoredEntry]) -> int:
            self._check()
            self._drop(store, place, batch)
            return sum(entry.size for entry in batch)

        for size in task.machine.workers.ordered(remove, _batches(entries_at(stock, going))):
            phase.advance(size)
        self._check()
        if place is not None:
            write_marks(place, garbage.marks)
        return {
            "chunks_removed": len(going),
            "bytes_removed": phase.done,
            "chunks_marked": len(garbage.marks.keys),
            "chunks_kept": garbage.needed,
        }

    def _drop(
        self, store: ChunkStore, place: ObjectPlace | None, batch: Sequence[StoredEntry]
    ) -> None:
        if not self.task.spec.quarantine or place is None:
            for entry in batch:
                store.remove(entry)
            return
        forms = open_forms(self.task, self.task.spec.store)
        put_aside(place, [forms.of(one.form).name(one.id) for one in batch], self.facts.now)

    def purge(self) -> int:
        """Remove for good what has been in quarantine for long enough."""
        length = self.task.spec.quarantine_for
        place = open_place_of_store(self.task, self.task.spec.store)
        if length is None or place is None:
            return 0
        last = stamp_of(self.facts.now - length)
        old = [one for one in held(place) if one.stamp < last]
        self._check()
        place.delete([one.place for one in old])
        return len(old)

    def tidy(self) -> int:
        """Remove what writers that were killed a day ago or longer left behind."""
        store = open_store(self.task, self.task.spec.store, _READING)
        return store.remove_abandoned() if isinstance(store, Tidying) else 0

    def _remove(self, place: ObjectPlace, names: Sequence[str]) -> None:
        if self.task.spec.quarantine:
            put_aside(place, names, self.facts.now)
        else:
            place.delete(names)

    def _check(self) -> None:
        self.task.machine.cancel.check()
        if self.lease is not None:
            self.lease.check()


def _batches(entries: Iterator[StoredEntry]) -> Iterator[list[StoredEntry]]:
    while batch := list(islice(entries, _BATCH)):
        yield batch
