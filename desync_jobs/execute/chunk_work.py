"""Work on the chunks of stores that any engine does: to copy them, and to rewrite them."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from desync_jobs.codecs.form import Form
from desync_jobs.execute.conversion import UNCONVERTED, Conversion
from desync_jobs.execute.engines.base import Tally
from desync_jobs.execute.opening import Reading, open_forms, open_store, open_stores
from desync_jobs.execute.task import Task
from desync_jobs.execute.transfer import Batch, Transfer, fetched
from desync_jobs.stores.base import ChunkStore
from desync_jobs.stores.counters import Counters, sum_counts

Copied: TypeAlias = tuple[int, bytes]
"""Bytes of a batch, and the IDs that its chunks got, one after the other, where those are new."""


@dataclass(frozen=True, slots=True)
class Copying:
    """Fetches chunks, converts them, and keeps them."""

    stores: tuple[str, ...]
    """Where they come from, by names."""
    store: str
    """Where they go."""
    read: Reading
    written: Reading
    conversion: Conversion = UNCONVERTED
    read_back: bool = False
    """Whether what was put is read again, and compared."""

    def open(self, task: Task[Any]) -> "_OpenCopying":
        return _OpenCopying(
            self,
            Transfer(
                open_stores(task, self.stores, self.read),
                open_store(task, self.store, self.written),
                self.conversion.by(task.machine.kernel),
                self.read_back,
                # Under new IDs, chunks may be there from before the work was planned.
                Counters() if self.conversion.digest is None else None,
            ),
        )

    def chunks(self, batch: Batch) -> int:
        return len(batch[0])


@dataclass(frozen=True, slots=True)
class _OpenCopying:
    work: Copying
    transfer: Transfer

    def do(self, batch: Batch) -> Copied:
        ids, size = batch
        kept = self.transfer.keep(ids)
        return size, b"" if self.work.conversion.digest is None else b"".join(kept)

    def finish(self) -> Tally:
        transfer = self.transfer
        transfer.store.flush()
        counts = [transfer.source.counts(), transfer.store.counts()]
        if transfer.met is not None:
            counts.append({self.work.store: transfer.met.total()})
        return sum_counts(counts)


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Puts chunks that a store has in another form than its own in their place again."""

    store: str
    read: Reading

    def open(self, task: Task[Any]) -> "_OpenRewriting":
        own = open_forms(task, self.store).own.form
        return _OpenRewriting(open_store(task, self.store, self.read), own)

    def chunks(self, batch: Batch) -> int:
        return len(batch[0])


@dataclass(frozen=True, slots=True)
class _OpenRewriting:
    store: ChunkStore
    own: Form

    def do(self, batch: Batch) -> int:
        """Return how many were in another form."""
        other = [one for one in fetched(self.store, batch[0]) if one.form is not self.own]
        if other:
            self.store.replace(other)
        return len(other)

    def finish(self) -> Tally:
        self.store.flush()
        return self.store.counts()
