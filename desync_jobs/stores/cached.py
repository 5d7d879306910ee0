"""A cache in front of a source: asked first, and filled with what it did not have.

A chunk that cannot be written to the cache is an error, never a silent detour: who asks
for a cache has a reason. What is served from the cache is touched there; with a limit, what was
not used for longest makes room.
"""

from collections.abc import Sequence

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkInvalidError
from desync_jobs.stores.base import (
    Chunk,
    ChunkSource,
    ChunkStore,
    Fetched,
    Presence,
    StoredSize,
)
from desync_jobs.stores.counters import Counts, sum_counts
from desync_jobs.stores.eviction import SizeLimit
from desync_jobs.stores.router import sizes_through


class CachedStore:
    """A `ChunkSource` that reads through `cache`.

    With `repair`, a damaged chunk of the cache is fetched again and replaced; without, it is
    the answer. `limit` keeps the cache small enough, where it has one.
    """

    def __init__(
        self,
        cache: ChunkStore,
        upstream: ChunkSource,
        limit: SizeLimit | None = None,
        *,
        repair: bool = True,
    ) -> None:
        self.name = f"{cache.name}, {upstream.name}"
        self._cache = cache
        self._upstream = upstream
        self._limit = limit
        self._repair = repair

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        self._cache.prepare()  # a cache that does not exist yet has nothing, which is no fault
        answers = self._cache.fetch(ids)
        self._cache.touch([answer for answer in answers if isinstance(answer, Chunk)])
        wanted = [position for position, answer in enumerate(answers) if self._fetches(answer)]
        if not wanted:
            return answers
        added: list[Chunk] = []
        repaired: list[Chunk] = []
        fetched = self._upstream.fetch([ids[position] for position in wanted])
        for position, answer in zip(wanted, fetched, strict=True):
            if isinstance(answer, Chunk):
                damaged = isinstance(answers[position], ChunkInvalidError)
                (repaired if damaged else added).append(answer)
            answers[position] = answer
        stored = self._cache.put(added)
        self._cache.replace(repaired)
        if self._limit is not None:
            self._limit.grown(stored.size)
        return answers

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        answers = self._cache.presence(ids)
        wanted = [at for at, answer in enumerate(answers) if answer is not Presence.YES]
        # What the cache does not know about is no obstacle: upstream decides.
        found = self._upstream.presence([ids[position] for position in wanted])
        for position, presence in zip(wanted, found, strict=True):
            answers[position] = presence
        return answers

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        return sizes_through((self._cache, self._upstream), ids)

    def counts(self) -> dict[str, Counts]:
        return sum_counts((self._cache.counts(), self._upstream.counts()))

    def _fetches(self, answer: Fetched) -> bool:
        """Tell whether upstream is asked because the cache answered this."""
        if isinstance(answer, ChunkInvalidError):
            return self._repair
        return not isinstance(answer, Chunk)
