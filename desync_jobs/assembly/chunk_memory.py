"""Chunks kept in memory, those used last, for whoever reads a blob at random.

What is kept is bounded in bytes, whatever the sizes of chunks. The chunk that came last stays
in any case, so that a chunk larger than the bound is not fetched for each of its parts.
"""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from desync_jobs.core.chunk import BytesLike, ChunkID
from desync_jobs.stores.base import Chunk, ChunkSource, Fetched
from desync_jobs.stores.forwarding import ForwardingSource


class ChunkMemory:
    """Plain chunks of at most `limit` bytes in all; used from many threads."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = Lock()
        self._chunks: OrderedDict[ChunkID, BytesLike] = OrderedDict()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes kept now."""
        return self._size

    def __contains__(self, chunk_id: ChunkID) -> bool:
        return chunk_id in self._chunks

    def take(self, ids: Sequence[ChunkID]) -> dict[ChunkID, BytesLike]:
        """Return those of `ids` that are here, and note that they were used."""
        found: dict[ChunkID, BytesLike] = {}
        with self._lock:
            for one in ids:
                plain = self._chunks.get(one)
                if plain is not None:
                    found[one] = plain
                    self._chunks.move_to_end(one)
        return found

    def keep(self, chunk_id: ChunkID, plain: BytesLike) -> None:
        """Keep a chunk, in the place of those not used for longest."""
        with self._lock:
            if chunk_id in self._chunks:
                return
            self._chunks[chunk_id] = plain
            self._size += len(plain)
            while self._size > self.limit and len(self._chunks) > 1:
                self._size -= len(self._chunks.popitem(last=False)[1])


class RememberingSource(ForwardingSource):
    """A `ChunkSource` that answers from `memory` where it can, and keeps there what it fetches."""

    def __init__(self, source: ChunkSource, memory: ChunkMemory) -> None:
        super().__init__(source)
        self._memory = memory

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        here = self._memory.take(ids)
        rest = [one for one in ids if one not in here]
        fetched = iter(super().fetch(rest) if rest else [])
        answers: list[Fetched] = []
        for one in ids:
            if one in here:
                answers.append(Chunk(one, here[one]))
                continue
            answer = next(fetched)
            if isinstance(answer, Chunk):
                self._memory.keep(one, answer.plain)
                # What it was stored as is not wanted any more, and would be held for as long.
                answer = Chunk(one, answer.plain)
            answers.append(answer)
        return answers
