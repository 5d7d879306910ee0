"""Some blobs → their chunks in a store, synced, and their indexes, which nobody sees yet."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from desync_jobs.assembly.cutting import Cutting, Stream, cut_stream
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.chunk import CHUNK_ID_SIZE
from desync_jobs.errors import DesyncRunError, InterruptedRunError
from desync_jobs.execute.blob_work import OpenBlobs, Told, chunks_in, untold
from desync_jobs.execute.engines.base import Tally
from desync_jobs.execute.inputs import changed_since, open_input
from desync_jobs.execute.keeping import Keeping
from desync_jobs.execute.making import cutting_of
from desync_jobs.execute.opening import Reading, open_store
from desync_jobs.execute.task import Task
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index_layout import index_header, index_rows, index_tail
from desync_jobs.manifest.operations.make import MakeSpec
from desync_jobs.stores.base import ChunkStore, Stored


@dataclass(frozen=True, slots=True)
class ToMake:
    """A blob that is to be cut."""

    path: str
    """Absolute."""
    size: int


@dataclass(frozen=True, slots=True)
class BlobMade:
    """A blob whose chunks are stored."""

    size: int
    """Bytes that were read."""
    chunks: int
    stored: Stored
    """Those that the store lacked."""
    index: bytes
    """The content of its index."""
    changed: bool
    """Whether it was written to meanwhile."""


@dataclass(frozen=True, slots=True)
class BatchMade:
    """What came of a batch: its first blobs, as far as it went well."""

    made: Sequence[BlobMade]
    error: DesyncRunError | None = None
    """Why there are no more."""


@dataclass(frozen=True)
class Making:
    """Cuts blobs, and keeps their chunks."""

    spec: MakeSpec
    told: Told = untold
    """What tells of a large blob that is cut in this process; stays here."""

    def __reduce__(self) -> tuple[object, ...]:
        return Making, (self.spec,)

    def open(self, task: Task[MakeSpec]) -> OpenBlobs[ToMake, BatchMade]:
        spec = self.spec
        store = None if spec.store is None else open_store(task, spec.store, Reading(spec.digest))
        if store is not None:
            store.prepare()
        batches = _Batches(task, store, cutting_of(task))
        return OpenBlobs(task, batches.make, self.told, batches.counts)

    def chunks(self, batch: Sequence[ToMake]) -> int:
        return chunks_in(batch, self.spec.chunk_size.average)


@dataclass(frozen=True, slots=True)
class _Batches:
    task: Task[MakeSpec]
    store: ChunkStore | None
    cutting: Cutting

    def make(self, batch: Sequence[ToMake], workers: Workers, told: Told) -> BatchMade:
        # Not for all batches together: what one has begun to put, another may not count on.
        keeping = Keeping(self.cutting, self.task.spec.digest, self.store)
        made: list[BlobMade] = []
        failed: DesyncRunError | None = None
        for blob in batch:
            workers.cancel.check()
            try:
                made.append(self._make(blob, keeping, workers, told))
            except InterruptedRunError:
                raise
            except DesyncRunError as error:
                error.about(blob.path)
                failed = error
                break
        if self.store is not None:
            self.store.flush()
        return BatchMade(made, failed)

    def _make(self, blob: ToMake, keeping: Keeping, workers: Workers, told: Told) -> BlobMade:
        spec = self.task.spec
        rows: list[bytes] = []
        size = chunks = stored = stored_size = 0
        with open_input(blob.path, self.task.machine.streams) as fd:
            before = os.fstat(fd)
            stream = Stream(fd, blob.path)
            for batch in cut_stream(stream, self.cutting, workers, keeping.keep):
                if batch.ends:
                    ids = np.frombuffer(b"".join(batch.ids), np.uint8).reshape(-1, CHUNK_ID_SIZE)
                    rows.append(index_rows(np.array(batch.ends, np.uint64), ids))
                    told(batch.ends[-1] - size)
                    size = batch.ends[-1]
                chunks += len(batch.ends)
                stored += batch.stored.chunks
                stored_size += batch.stored.size
            changed = changed_since(before, fd)
        header = index_header(blob_flags(spec.digest, spec.cut), spec.chunk_size)
        index = b"".join([header, *rows, index_tail(chunks)])
        return BlobMade(size, chunks, Stored(stored, stored_size), index, changed)

    def counts(self) -> Tally:
        return {} if self.store is None else self.store.counts()
