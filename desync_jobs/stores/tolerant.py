"""A store that is passed over while it fails: `on_error = "skip"`.

What it would have answered stays unknown: a chunk that no other store has is not called
missing, but fails with the store's own error.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import StoreError
from desync_jobs.stores.base import ChunkSource, Fetched, Presence, StoredSize
from desync_jobs.stores.forwarding import ForwardingSource


class SkippedStoreError(StoreError):
    """A store failed that may be passed over."""


class TolerantSource(ForwardingSource):
    """A `ChunkSource` whose failures are `SkippedStoreError`; `notice` is told the first one."""

    def __init__(self, source: ChunkSource, notice: Callable[[str], None]) -> None:
        super().__init__(source)
        self._notice = notice
        self._failed = False

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        with self._failures():
            return super().fetch(ids)

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        with self._failures():
            return super().presence(ids)

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        with self._failures():
            return super().stored_sizes(ids)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            if not self._failed:
                self._failed = True
                self._notice(f"{error}; the store is passed over")
            raise SkippedStoreError(str(error)) from error
