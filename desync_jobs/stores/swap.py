"""A source that is exchanged while it is used, for servers that reload their stores.

Requests under way end with the source they began with; later ones go to the new one. The
old one is dropped after the last request that uses it; what it did stays counted.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from desync_jobs.core.chunk import ChunkID
from desync_jobs.stores.base import ChunkSource, Fetched, Presence, StoredSize
from desync_jobs.stores.counters import Counts, sum_counts


class SwappableSource:
    """A `ChunkSource` that is what was given until `swap` gives another."""

    def __init__(self, source: ChunkSource) -> None:
        self._lock = Lock()
        self._source = source
        self._users = {source: 0}
        """Requests under way, for each source that is asked now or was before."""
        self._done: dict[str, Counts] = {}
        """What sources did that are gone."""

    @property
    def name(self) -> str:
        """The name of the source that is asked now."""
        return self._source.name

    def swap(self, new: ChunkSource) -> None:
        """Ask `new` from now on; waits for nobody."""
        with self._lock:
            old, self._source = self._source, new
            self._users.setdefault(new, 0)
            self._drop_unused(old)

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        with self._borrowed() as source:
            return source.fetch(ids)

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        with self._borrowed() as source:
            return source.presence(ids)

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        with self._borrowed() as source:
            return source.stored_sizes(ids)

    def counts(self) -> dict[str, Counts]:
        with self._lock:
            return sum_counts([self._done, *(source.counts() for source in self._users)])

    @contextmanager
    def _borrowed(self) -> Iterator[ChunkSource]:
        with self._lock:
            source = self._source
            self._users[source] += 1
        try:
            yield source
        finally:
            with self._lock:
                self._users[source] -= 1
                self._drop_unused(source)

    def _drop_unused(self, source: ChunkSource) -> None:
        if source is not self._source and self._users[source] == 0:
            del self._users[source]
            self._done = sum_counts([self._done, source.counts()])
