"""A limit on the size of a cache: what was not used for longest makes room.

The cache is listed when something is first added to it, and again whenever it has grown past
its limit; then chunks are removed, the longest unused first, until it is a tenth below the
limit, so that it is not listed for each batch. Between two listings the size is an estimate:
several programs may fill one cache, and each counts what it adds. A reader that finds a chunk
gone fetches it again.
"""

from threading import Lock
from typing import Final

from desync_jobs.stores.base import ChunkStore

_ROOM: Final = 10
"""One part in so many of the limit is free after an eviction."""


class SizeLimit:
    """Keeps the chunks of `store` at `limit` stored bytes or less. Safe to use from many threads.

    Raises `ValueError` where `limit` is not positive.
    """

    def __init__(self, store: ChunkStore, limit: int) -> None:
        if limit <= 0:
            raise ValueError(f"a cache of {limit} bytes")
        self._store = store
        self._limit = limit
        self._lock = Lock()
        self._size: int | None = None
        """What the cache has, as far as is known; None before it was listed."""
        self.evicted = 0
        """Chunks removed so far."""

    def grown(self, size: int) -> None:
        """Take note that `size` bytes were added, and make room where that is too much.

        Raises `StoreError` where the cache cannot be listed or a chunk not removed.
        """
        if not size:
            return
        with self._lock:
            if self._size is None:
                self._size = self._stored()
            else:
                self._size += size
            if self._size > self._limit:
                self._size = self._make_room()

    def _stored(self) -> int:
        return sum(entry.size for entry in self._store.entries())

    def _make_room(self) -> int:
        """Remove chunks; returns the size of those that are left."""
        entries = sorted(self._store.entries(), key=lambda entry: entry.used or 0.0)
        size = sum(entry.size for entry in entries)
        enough = self._limit - self._limit // _ROOM
        if size <= self._limit:
            return size
        for entry in entries:
            if size <= enough:
                break
            self._store.remove(entry)
            self.evicted += 1
            size -= entry.size
        return size
