"""Chunks on their way from a source to a store, a batch at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from desync_jobs.assembly.batches import size_batches
from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import StoreError
from desync_jobs.execute.kept import rows
from desync_jobs.planner.copied import Lacking
from desync_jobs.stores.base import Chunk, ChunkSource, ChunkStore
from desync_jobs.stores.counters import Counters, Counts

Convert = Callable[[list[Chunk]], list[Chunk]]
"""Makes of chunks as they were read those that are to be stored; called in many threads."""
Batch = tuple[list[ChunkID], int]
"""Chunks, and their bytes."""


def as_they_are(chunks: list[Chunk]) -> list[Chunk]:
    """Return `chunks`: the store keeps them as they were read where that is its own form."""
    return chunks


@dataclass(frozen=True, slots=True)
class Transfer:
    """From `source` to `store`; safe to use from many threads."""

    source: ChunkSource
    store: ChunkStore
    convert: Convert = as_they_are
    read_back: bool = False
    """Whether what was put is read again, and compared."""
    met: Counters | None = None
    """Counts chunks that the store lacked when the work was planned and had when they were put:
    somebody else's, or those of a worker of a cluster that was lost before it could say so."""

    def copy(self, batch: Batch) -> int:
        """Fetch a batch and keep it; raises the answer for the first chunk nobody has."""
        self.keep(batch[0])
        return batch[1]

    def keep(self, ids: Sequence[ChunkID]) -> list[ChunkID]:
        """Fetch chunks and keep them; returns what the store calls each. Raises as `copy` does."""
        chunks = self.convert(fetched(self.source, ids))
        stored = self.store.put(chunks)
        kept = [one.id for one in chunks]
        if self.met is not None and stored.chunks < len(chunks):
            there = sum(one.size or 0 for one in self.store.stored_sizes(kept))
            missed = len(chunks) - stored.chunks
            self.met.add(Counts(chunks_added=missed, stored_bytes_added=there - stored.size))
        if self.read_back:
            self._compare(chunks)
        return kept

    def _compare(self, chunks: Sequence[Chunk]) -> None:
        answers = self.store.fetch([one.id for one in chunks])
        for chunk, answer in zip(chunks, answers, strict=True):
            if not isinstance(answer, Chunk):
                raise answer
            if answer.plain != chunk.plain:
                raise StoreError(
                    f"store {self.store.name}: chunk {chunk.id.hex()} reads back differently "
                    "after it was stored; check the place"
                )


def fetched(source: ChunkSource, ids: Sequence[ChunkID]) -> list[Chunk]:
    """Return chunks; raises the answer for the first that `source` does not have."""
    found: list[Chunk] = []
    for answer in source.fetch(ids):
        if not isinstance(answer, Chunk):
            raise answer
        found.append(answer)
    return found


def batches_of(part: Lacking) -> Iterator[Batch]:
    """Yield the chunks of `part` in batches, in their order."""
    for first, last in size_batches(part.sizes):
        yield rows(part.ids[first:last]), int(part.sizes[first:last].sum())
