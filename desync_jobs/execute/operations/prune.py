"""Doing `prune`: what was planned to go is looked at once more, alone in the store, and goes."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from desync_jobs.core.chunk import CHUNK_ID_SIZE
from desync_jobs.execute.leasing import lease_of
from desync_jobs.execute.marking import Marking, mark
from desync_jobs.execute.needed import Needed
from desync_jobs.execute.opening import (
    EITHER,
    open_forms,
    open_place_of_indexes,
    open_place_of_store,
    open_store,
    store_facts,
)
from desync_jobs.execute.purging import Outlived, outlived
from desync_jobs.execute.quarantine import Held, bring_back, held, put_aside
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.roots import Expiry, Lately, read_published, read_roots
from desync_jobs.execute.stock import entries_at, read_marks, write_marks
from desync_jobs.execute.task import Task
from desync_jobs.formats.marks import NO_MARKS, Keys, mark_keys
from desync_jobs.manifest.operations.prune import PruneSpec
from desync_jobs.planner.garbage import NOTHING
from desync_jobs.planner.operations.prune import (
    PruneDetail,
    PruneFacts,
    check_roots,
    grace_of,
)
from desync_jobs.planner.step import Step
from desync_jobs.report.words import counted, listed
from desync_jobs.stores.abandoned import Tidying
from desync_jobs.stores.base import ChunkStore, StoredEntry
from desync_jobs.stores.leases.base import Lease
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.objects.base import ObjectPlace

_BATCH: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What was seen of everything at one time."""

    now: float
    facts: PruneFacts
    needed: Needed
    place: ObjectPlace | None
    """The objects behind the store, where it can have any that are no chunks."""
    lately: Lately
    """What is needed for what was published lately alone."""
    held: tuple[Held, ...] = ()
    """What is in quarantine."""
    outlived: tuple[Outlived, ...] = ()
    """What of the quarantine of each place is there for long enough."""


def survey_prune(task: Task[PruneSpec]) -> PruneFacts:
    """Read every index, and list the store."""
    return _look(task, (), Expiry(time.time())).facts


def _look(task: Task[PruneSpec], published: tuple[str, ...], expiry: Expiry) -> _Look:
    """Look once, where `published` are the indexes that are needed besides the job's roots."""
    spec = task.spec
    needed = Needed()
    facts = store_facts(task, spec.store)
    roots = read_roots(task, needed, expiry)
    lately = read_published(task, published, needed, roots)
    place = open_place_of_store(task, spec.store) if facts.present else None
    marks = NO_MARKS if place is None else read_marks(place)
    sifted = NOTHING
    if facts.present:
        marking = Marking(spec.store, EITHER, expiry.now, grace_of(spec))
        sifted = mark(task, marking, needed, marks)
    aside = () if place is None else tuple(held(place))
    old = tuple(outlived(task, place, aside, expiry.now))
    seen = PruneFacts(
        store=facts,
        keeps_marks=place is not None,
        roots=roots,
        needed=needed.contents(),
        stock=sifted.stock,
        marks=marks,
        quarantined=tuple(one.name for one in aside),
        outlived={one.name: tuple(each.below for each in one.objects) for one in old},
        indexes_aside={one.name: one.of for one in old if one.place is not place},
        sifted=sifted,
    )
    return _Look(expiry.now, seen, needed, place, lately, aside, old)


def do_prune(task: Task[PruneSpec], step: Step) -> Done:
    """Remove of what was planned what is garbage still, when nobody adds to the store."""
    detail = step.detail_as(PruneDetail)
    with lease_of(task, task.spec.store, Role.COLLECTOR) as lease:
        published = () if lease is None else lease.published()
        look = _look(task, published, Expiry(time.time(), detail.expired))
        check_roots(task.spec, look.facts)
        _tell(task, look.lately)
        store = open_store(task, task.spec.store, EITHER)
        pruning = _Pruning(task, look, store, lease)
        back = pruning.needed_again()
        statistics = {
            "indexes_removed": pruning.expire(),
            "chunks_brought_back": pruning.bring_back(back),
            **pruning.sweep(detail.deleted),
            **pruning.purge(detail.outlived, back),
            "abandoned_files_removed": pruning.tidy(),
            **_of_lately(look.lately),
        }
        if task.spec.quarantine:
            statistics |= {f"{what}_put_aside": statistics[f"{what}_removed"] for what in _THINGS}
    changed = any(value for key, value in statistics.items() if key not in _STANDING)
    return Done(Status.DONE if changed else Status.UNCHANGED, statistics)


_THINGS: Final = ("chunks", "indexes")
_STANDING: Final = frozenset(
    {"chunks_kept", "chunks_marked", "chunks_kept_lately", "indexes_lately", "published_lately"}
)
"""Statistics of what was left as it is."""
_FEW: Final = 5
"""Indexes that were published lately and are told by their names."""


def _tell(task: Task[PruneSpec], lately: Lately) -> None:
    """Say that chunks stay for indexes that the job does not name."""
    if lately.chunks:
        task.warn(
            f"keeps {counted(lately.chunks, 'chunk')} that no index of this job needs, for "
            f"{counted(len(lately.indexes), 'index')} published in the last day: "
            f"{listed(lately.indexes)}"
        )


def _of_lately(lately: Lately) -> dict[str, object]:
    return {
        "chunks_kept_lately": lately.chunks,
        "indexes_lately": len(lately.indexes),
        "published_lately": list(lately.indexes[:_FEW]),
    }


@dataclass(frozen=True, slots=True)
class _Pruning:
    """One run, while the store is had alone."""

    task: Task[PruneSpec]
    look: _Look
    store: ChunkStore
    lease: Lease | None

    def expire(self) -> int:
        """Remove indexes that no rule keeps, before anything that they need."""
        count = 0
        for root in self.look.facts.roots:
            if root.expired:
                self._remove(open_place_of_indexes(self.task, root.url), root.expired)
                count += len(root.expired)
        return count

    def bring_back(self, chunks: Sequence[Held]) -> int:
        """Bring back chunks that were put aside and are needed again."""
        if self.look.place is None or not chunks:
            return 0
        self._check()
        return bring_back(self.look.place, chunks)

    def needed_again(self) -> list[Held]:
        """Return the chunks in quarantine that an index needs."""
        if not self.look.held:
            return []
        forms = open_forms(self.task, self.task.spec.store)
        parsed = [(one, forms.parse(one.name)) for one in self.look.held]
        chunks = [(one, of[0]) for one, of in parsed if of is not None]
        ids = np.frombuffer(b"".join(chunk_id for _, chunk_id in chunks), np.uint8)
        needed = self.look.needed.has(ids.reshape(-1, CHUNK_ID_SIZE))
        return [one for (one, _), wanted in zip(chunks, needed, strict=True) if wanted]

    def sweep(self, planned: Keys) -> dict[str, int]:
        """Remove garbage that was planned to go, and mark what else is garbage."""
        task, sifted = self.task, self.look.facts.sifted
        keys = mark_keys(sifted.going.ids, sifted.going.compressed)
        going = sifted.going.only(np.isin(keys, planned))
        phase = task.phase("removing", int(going.sizes.sum()))

        def remove(batch: list[StoredEntry]) -> int:
            self._drop(batch)
            return sum(entry.size for entry in batch)

        entries = entries_at(going, np.arange(len(going)))
        for size in task.machine.workers.ordered(remove, _batches(entries)):
            phase.advance(size)
        self._check()
        if self.look.place is not None:
            write_marks(self.look.place, sifted.marks)
        return {
            "chunks_removed": len(going),
            "bytes_removed": phase.done,
            "chunks_marked": len(sifted.marks.keys),
            "chunks_kept": sifted.needed,
        }

    def _drop(self, batch: Sequence[StoredEntry]) -> None:
        place = self.look.place
        if not self.task.spec.quarantine or place is None:
            for entry in batch:
                # Before each request a process may stand still for longer than a lease lasts.
                self._check()
                self.store.remove(entry)
            return
        forms = open_forms(self.task, self.task.spec.store)
        names = [forms.of(one.form).name(one.id) for one in batch]
        put_aside(place, names, self.look.now, self._check)

    def purge(self, planned: Mapping[str, Sequence[str]], back: Sequence[Held]) -> dict[str, int]:
        """Remove for good what has been in quarantine for long enough, and did not come back."""
        counts = {"chunks_purged": 0, "indexes_purged": 0}
        for one in self.look.outlived:
            self._check()
            going = set(planned.get(one.name, ()))
            if one.place is self.look.place:
                counts["chunks_purged"] += one.purge(going - {chunk.below for chunk in back})
            else:
                counts["indexes_purged"] += one.purge(going)
        return counts

    def tidy(self) -> int:
        """Remove what writers that were killed a day ago or longer left behind."""
        return self.store.remove_abandoned() if isinstance(self.store, Tidying) else 0

    def _remove(self, place: ObjectPlace, names: Sequence[str]) -> None:
        if self.task.spec.quarantine:
            put_aside(place, names, self.look.now, self._check)
        else:
            self._check()
            place.delete(names)

    def _check(self) -> None:
        self.task.machine.cancel.check()
        if self.lease is not None:
            self.lease.check()


def _batches(entries: Iterator[StoredEntry]) -> Iterator[list[StoredEntry]]:
    while batch := list(islice(entries, _BATCH)):
        yield batch
