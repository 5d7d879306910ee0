"""A source that is another one, but for what a subclass does otherwise."""

from collections.abc import Sequence

from desync_jobs.core.chunk import ChunkID
from desync_jobs.stores.base import ChunkSource, Fetched, Presence, StoredSize
from desync_jobs.stores.counters import Counts


class ForwardingSource:
    """A `ChunkSource` that asks `source` for everything."""

    def __init__(self, source: ChunkSource) -> None:
        self.name = source.name
        self._source = source

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        return self._source.fetch(ids)

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        return self._source.presence(ids)

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        return self._source.stored_sizes(ids)

    def counts(self) -> dict[str, Counts]:
        return self._source.counts()
