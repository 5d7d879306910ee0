"""Several stores asked in order, until one has the chunk.

A missing chunk goes on to the next store, and so does an invalid one: a copy that is
good may well be there. A store that cannot answer at all stops the request, so that
nothing is fetched from further away because of a fault nobody saw; unless it may be passed
over (`tolerant`): then its error is told only where no other store has the chunk.
"""

from collections.abc import Sequence

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError
from desync_jobs.stores.base import Chunk, ChunkSource, Fetched, Presence, StoredSize
from desync_jobs.stores.counters import Counts, sum_counts
from desync_jobs.stores.tolerant import SkippedStoreError


class StoreRouter:
    """A `ChunkSource` over stores in the order of preference."""

    def __init__(self, sources: Sequence[ChunkSource]) -> None:
        self.name = ", ".join(source.name for source in sources)
        self._sources = tuple(sources)

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        answers: list[Fetched] = [ChunkMissingError(chunk_id, self.name) for chunk_id in ids]
        wanted = list(range(len(ids)))
        skipped: SkippedStoreError | None = None
        for source in self._sources:
            if not wanted:
                break
            try:
                fetched = source.fetch([ids[position] for position in wanted])
            except SkippedStoreError as error:
                skipped = skipped or error
                continue
            for position, answer in zip(wanted, fetched, strict=True):
                # The first invalid copy is what is told where no store has a good one.
                if isinstance(answer, Chunk) or (
                    isinstance(answer, ChunkInvalidError)
                    and isinstance(answers[position], ChunkMissingError)
                ):
                    answers[position] = answer
            wanted = [at for at in wanted if not isinstance(answers[at], Chunk)]
        if skipped is not None and any(isinstance(one, ChunkMissingError) for one in answers):
            raise skipped
        return answers

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        answers = [Presence.NO] * len(ids)
        wanted = list(range(len(ids)))
        for source in self._sources:
            if not wanted:
                break
            try:
                found = source.presence([ids[position] for position in wanted])
            except SkippedStoreError:
                found = [Presence.UNKNOWN] * len(wanted)
            for position, presence in zip(wanted, found, strict=True):
                if presence is not Presence.NO:
                    answers[position] = presence
            wanted = [at for at in wanted if answers[at] is not Presence.YES]
        return answers

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        return sizes_through(self._sources, ids)

    def counts(self) -> dict[str, Counts]:
        return sum_counts(source.counts() for source in self._sources)


def sizes_through(sources: Sequence[ChunkSource], ids: Sequence[ChunkID]) -> list[StoredSize]:
    """Say where `ids` come from if each source is asked for what those before it lack."""
    answers = [StoredSize(Presence.NO, ())] * len(ids)
    wanted = list(range(len(ids)))
    for source in sources:
        try:
            found = source.stored_sizes([ids[position] for position in wanted])
        except SkippedStoreError:
            found = [StoredSize(Presence.UNKNOWN, (source.name,))] * len(wanted)
        for position, one in zip(wanted, found, strict=True):
            asked = answers[position].asked + one.asked
            answers[position] = StoredSize(one.presence, asked, one.size, one.form)
        wanted = [at for at in wanted if answers[at].presence is Presence.NO]
        if not wanted:
            break
    return answers
