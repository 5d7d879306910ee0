"""A store that is written to under a lease, which is looked at before anything counts on it."""

from collections.abc import Iterator, Sequence

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkInvalidError
from desync_jobs.stores.base import Chunk, ChunkStore, Stored, StoredEntry
from desync_jobs.stores.forwarding import ForwardingSource
from desync_jobs.stores.leases.base import Lease


class LeasedStore(ForwardingSource):
    """A `ChunkStore` that is `store` while `lease` is had.

    Writing, removing, and `flush`, after which an index may appear, raise `LockedError` where the
    lease was lost.
    """

    def __init__(self, store: ChunkStore, lease: Lease) -> None:
        super().__init__(store)
        self._store = store
        self._lease = lease

    def prepare(self) -> None:
        self._store.prepare()

    def put(self, chunks: Sequence[Chunk]) -> Stored:
        self._lease.check()
        return self._store.put(chunks)

    def replace(self, chunks: Sequence[Chunk]) -> None:
        self._lease.check()
        self._store.replace(chunks)

    def touch(self, chunks: Sequence[Chunk]) -> None:
        self._store.touch(chunks)

    def flush(self) -> None:
        self._store.flush()
        self._lease.check()

    def entries(self) -> Iterator[StoredEntry]:
        return self._store.entries()

    def examine(self, entries: Sequence[StoredEntry]) -> list[ChunkInvalidError | None]:
        return self._store.examine(entries)

    def compressed_sizes(self, ids: Sequence[ChunkID]) -> list[int | None]:
        return self._store.compressed_sizes(ids)

    def remove(self, entry: StoredEntry) -> None:
        self._lease.check()
        self._store.remove(entry)
