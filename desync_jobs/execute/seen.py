"""Which chunk IDs a run has already handled, in bounded memory."""

from typing import Final

from desync_jobs.core.chunk import ChunkID

_LIMIT: Final = 1 << 18
"""About 25 MB of IDs. Past it the set is emptied and stores are asked again."""


class SeenIDs:
    """Remembers recent IDs; used from many threads, where a forgotten one costs a question."""

    def __init__(self) -> None:
        self._ids: set[ChunkID] = set()

    def first_time(self, chunk_id: ChunkID) -> bool:
        """Take note of `chunk_id`; whether it was not known before."""
        ids = self._ids
        if chunk_id in ids:
            return False
        if len(ids) >= _LIMIT:
            self._ids = ids = set()
        ids.add(chunk_id)
        return True
