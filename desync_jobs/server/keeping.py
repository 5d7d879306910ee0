"""Where a server puts what clients send: once at a time, and over what is damaged there."""

from collections.abc import Sequence

from desync_jobs.errors import ChunkInvalidError
from desync_jobs.stores.base import Chunk, ChunkStore, Stored
from desync_jobs.stores.dedup import DedupStore


class Keeping(DedupStore):
    """`store`, whose damaged chunks are replaced by those that are put."""

    def __init__(self, store: ChunkStore) -> None:
        super().__init__(store)
        self._kept = store

    def put(self, chunks: Sequence[Chunk]) -> Stored:
        """Keep `chunks`; one that is there already is read, and replaced where it is damaged."""
        stored = super().put(chunks)
        if stored.chunks < len(chunks):
            answers = self._kept.fetch([chunk.id for chunk in chunks])
            damaged = [
                chunk
                for chunk, answer in zip(chunks, answers, strict=True)
                if isinstance(answer, ChunkInvalidError)
            ]
            self._kept.replace(damaged)
        return stored
