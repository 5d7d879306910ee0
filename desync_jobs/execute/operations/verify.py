"""Doing `verify`: chunk files of a store are decoded and digested, in the order of their IDs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from secrets import randbits
from typing import Any, Final, TypeAlias

import numpy as np

from desync_jobs.assembly.batches import size_batches
from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.errors import DesyncRunError, InvalidDataError
from desync_jobs.execute.engines.base import Tally, uncounted
from desync_jobs.execute.examining import Examined, Examining, entry_of
from desync_jobs.execute.findings import Finding, write_report
from desync_jobs.execute.leasing import lease_of
from desync_jobs.execute.opening import (
    EITHER,
    Reading,
    open_store,
    open_stores,
    source_facts,
    store_facts,
)
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.sampling import chosen
from desync_jobs.execute.stock import entries_at, entry_keys
from desync_jobs.execute.stock_counting import counted_stock
from desync_jobs.execute.stock_parts import Cut, Listing, Part, parts_of
from desync_jobs.execute.task import Task
from desync_jobs.execute.verification import Keeper, Settings, Verification, read_verification
from desync_jobs.manifest.operations.verify import VerifySpec
from desync_jobs.planner.cost import Deletion
from desync_jobs.planner.limits import passed_deletions
from desync_jobs.planner.operations.verify import Begun, VerifyFacts
from desync_jobs.planner.step import Step
from desync_jobs.report.words import counted, listed
from desync_jobs.stores.abandoned import Tidying
from desync_jobs.stores.base import BATCH_CHUNKS, ChunkStore, StoredEntry
from desync_jobs.stores.leases.role import Role

_SEED_BITS = 64
_CUT: Final = Cut(least=1024)


def survey_verify(task: Task[VerifySpec]) -> VerifyFacts:
    """Count what is in the store, and look how far an earlier run came."""
    begun = _begun(task)
    facts = store_facts(task, task.spec.store)
    sources = source_facts(task, task.spec.repair_from)
    if not facts.present:
        return VerifyFacts(facts, 0, 0, sources, begun)
    count, size = counted_stock(task, task.spec.store, _reading(task.spec))
    return VerifyFacts(facts, count, size, sources, begun)


def _begun(task: Task[VerifySpec]) -> Begun | None:
    found = _earlier(task)
    return None if found is None else Begun(found.chunks, found.bytes, found.examined)


def _earlier(task: Task[VerifySpec]) -> Verification | None:
    path = task.spec.progress
    return None if path is None else read_verification(task.path(path), _settings(task))


def _settings(task: Task[VerifySpec]) -> Settings:
    """Return what a verification that is gone on with must have in common with this one."""
    spec = task.spec
    return {
        "store": store_facts(task, spec.store).location,
        "repair": spec.repair,
        "repair_from": [one.location for one in source_facts(task, spec.repair_from)],
        "sample": spec.share,
        "digest": spec.digest,
    }


def do_verify(task: Task[VerifySpec], step: Step) -> Done:
    """Check chunk files; then remove damaged ones with `repair`, as nobody else uses the store.

    And what writers that were killed left behind.
    """
    facts, spec = step.detail_as(VerifyFacts), task.spec
    store = open_store(task, spec.store, _reading(task.spec))
    found = _earlier(task) or Verification(randbits(_SEED_BITS))
    before = found.chunks
    path = None if spec.progress is None else task.path(spec.progress)
    keeper = Keeper(path, _settings(task), found, store.flush)
    _examine(task, _Reading(step, store, found, keeper))
    limit = None
    if spec.repair:
        limit = _remove(task, store, found, facts)
    abandoned = store.remove_abandoned() if spec.repair and isinstance(store, Tidying) else 0
    write_report(task, spec.report, found.findings)
    if limit is None:
        keeper.drop()
    actions = [one.action for one in found.findings]
    damaged = [one.chunk for one in found.findings]
    statistics = {
        "chunks": found.chunks,
        "chunks_before": before,
        "chunks_in_store": facts.chunks,
        "bytes_stored": found.bytes,
        "damaged": damaged,
        "replaced": actions.count("replaced"),
        "removed": actions.count("removed"),
        "abandoned_files_removed": abandoned,
    }
    error = limit or _damage(spec, found.findings)
    if error is not None:
        return Done(Status.FAILED, statistics, error)
    return Done(statistics=statistics)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One run that examines what is left."""

    step: Step
    store: ChunkStore
    found: Verification
    keeper: Keeper

    def take(self, part: Examined) -> None:
        """Take note of a batch."""
        self.found.chunks += part.chunks
        self.found.bytes += part.size
        self.found.after = part.last
        self.found.findings += part.findings
        self.keeper.tick()


def _examine(task: Task[VerifySpec], run: _Reading) -> None:
    """Read what is left."""
    phase = task.phase("verifying", run.step.cost.work)
    if run.found.examined:
        return
    spec = task.spec
    sources = open_stores(task, spec.repair_from, _reading(task.spec)) if spec.repair_from else None
    examining = Examining(run.store, sources)
    count = run.step.detail_as(VerifyFacts).chunks
    work = Checking(spec, bytes.fromhex(run.found.after), run.found.seed)
    try:
        batches = work.left(task, parts_of(task, spec.store, count, _CUT))
        checked = task.machine.engine.spread(task, work, batches, uncounted)
        # What is replaced is so from here, so that a worker's loss does not hide that it was.
        for part in task.machine.workers.ordered(examining.mend, checked) if sources else checked:
            run.take(part)
            phase.advance(part.size)
            if not spec.repair:
                for one in part.findings:
                    task.warn(_words(one))
        run.found.examined = True
    finally:
        run.keeper.save()


Batch: TypeAlias = Part | list[StoredEntry]
"""Chunk files: those of a part, which are to be listed, or as they were."""


@dataclass(frozen=True, slots=True)
class Checking:
    """Lists, reads, decodes and digests chunk files, as far as an earlier run did not."""

    spec: VerifySpec
    after: bytes
    """The last one that is done: its ID and form; empty where none is."""
    seed: int
    """Of the sample."""

    def left(self, task: Task[VerifySpec], parts: Sequence[Part]) -> Iterable[Batch]:
        """Return what there is to do of `parts`; a store that is one part is listed here."""
        if len(parts) == 1:
            return self.open(task).batches(parts[0])
        begun = int.from_bytes(self.after[:2])
        return [part for part in parts if part.last > begun]

    def open(self, task: Task[VerifySpec]) -> "_OpenStore":
        reading = _reading(self.spec)
        store = open_store(task, self.spec.store, reading)
        return _OpenStore(self, Listing(task, self.spec.store, reading), Examining(store))

    def chunks(self, batch: Batch) -> int:
        if isinstance(batch, Part):
            return round(batch.chunks * self.spec.share)
        return len(batch)


@dataclass(frozen=True, slots=True)
class _OpenStore:
    work: Checking
    listing: Listing
    examining: Examining

    def batches(self, batch: Batch) -> Iterator[list[StoredEntry]]:
        """Yield what is left of a part; plain sizes are not known, stored ones bound a batch."""
        if not isinstance(batch, Part):
            yield batch
            return
        stock, after = self.listing.stock(batch), self.work.after
        keys = entry_keys(stock.ids, stock.compressed)
        first = np.searchsorted(keys, np.array([after], keys.dtype), "right")[0] if after else 0
        wanted = np.arange(first, len(stock))
        if self.work.spec.share < 1:
            wanted = wanted[chosen(stock.ids[wanted], self.work.spec.share, self.work.seed)]
        for begin, end in size_batches(stock.sizes[wanted]):
            yield list(entries_at(stock, wanted[begin:end]))

    def do(self, batch: Any) -> Examined:
        return self.examining.examine(batch)

    def finish(self) -> Tally:
        return self.examining.store.counts()


def _remove(
    task: Task[VerifySpec], store: ChunkStore, found: Verification, facts: VerifyFacts
) -> DesyncRunError | None:
    """Remove what is damaged still when nobody adds to the store; the error of a limit passed."""
    left = [at for at, one in enumerate(found.findings) if one.open]
    sizes = sum(found.findings[at].size for at in left)
    deletion = Deletion(task.spec.store, len(left), sizes, facts.chunks)
    limit = passed_deletions(task.machine.job.spec.limits, [deletion])
    if limit is not None:
        for at in left:
            task.warn(_words(found.findings[at]))
        return limit
    if left:
        with lease_of(task, task.spec.store, Role.COLLECTOR) as lease:
            for begin in range(0, len(left), BATCH_CHUNKS):
                task.machine.cancel.check()
                if lease is not None:
                    lease.check()
                batch = left[begin : begin + BATCH_CHUNKS]
                entries = [entry_of(found.findings[at]) for at in batch]
                errors = store.examine(entries)
                for at, entry, error in zip(batch, entries, errors, strict=True):
                    if error is not None:
                        store.remove(entry)
                    action = "mended" if error is None else "removed"
                    found.findings[at] = replace(found.findings[at], action=action)
                    task.warn(_words(found.findings[at]))
    return None


def _words(finding: Finding) -> str:
    done = "" if finding.open else f"; {finding.action}"
    return f"store {finding.store}: chunk {finding.chunk} is invalid: {finding.reason}{done}"


def _damage(spec: VerifySpec, findings: list[Finding]) -> InvalidDataError | None:
    """Return the error of what is damaged still, or is gone now."""
    ids = [one.chunk for one in findings if one.action in ("none", "removed")]
    if not ids:
        return None
    were, are, them = ("was", "is", "it") if len(ids) == 1 else ("were", "are", "them")
    done = f"{were} removed" if spec.repair else f"{are} damaged; repair removes {them}"
    if spec.repair_from:
        done = f"{are} damaged, and cannot be had from {', '.join(spec.repair_from)}"
    return InvalidDataError(
        f"store {spec.store}: {counted(len(ids), 'chunk')} {done}: {listed(ids)}"
    )


def _reading(spec: VerifySpec) -> Reading:
    """Read with the digest asked for, or with whichever of the two fits the name."""
    if spec.digest == "auto":
        return replace(EITHER, always=True)
    return Reading(DigestAlgorithm(spec.digest), always=True)
