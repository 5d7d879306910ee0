"""Chunks of a stream: digested, and put into a store where it lacks them."""

from dataclasses import dataclass

from desync_jobs.assembly.cutting import Cutting, Stretch
from desync_jobs.core.chunk import ChunkID, DigestAlgorithm
from desync_jobs.core.digester import Digester
from desync_jobs.execute.seen import SeenIDs
from desync_jobs.stores.base import NOTHING_STORED, Chunk, ChunkStore, Stored


@dataclass(frozen=True, slots=True)
class KeptBatch:
    """Neighbouring chunks."""

    ends: list[int]
    ids: list[ChunkID]
    stored: Stored = NOTHING_STORED
    """Those that the store lacked."""


class Keeping:
    """Digests stretches and stores what the store lacks, if there is one; in threads."""

    def __init__(
        self, cutting: Cutting, algorithm: DigestAlgorithm, store: ChunkStore | None
    ) -> None:
        self._digester = Digester(cutting.kernel, algorithm, cutting.sizes.maximum)
        self._store = store
        self._seen = SeenIDs()

    def keep(self, stretch: Stretch) -> KeptBatch:
        """Return ends and IDs of the stretch's chunks, all of which the store then has."""
        ids = self._digester(stretch.pieces)
        if self._store is None:
            return KeptBatch(stretch.ends, ids)
        new = [
            Chunk(chunk_id, piece)
            for chunk_id, piece in zip(ids, stretch.pieces, strict=True)
            if self._seen.first_time(chunk_id)
        ]
        return KeptBatch(stretch.ends, ids, self._store.put(new))
