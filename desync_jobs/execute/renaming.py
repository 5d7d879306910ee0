"""Chunks and indexes that get IDs of another digest."""

from dataclasses import replace
from threading import Lock

from desync_jobs.core.chunk import ChunkID, DigestAlgorithm
from desync_jobs.core.digest import digest_many
from desync_jobs.core.kernel import Kernel
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.formats.id_map import IDMap
from desync_jobs.formats.index import Index
from desync_jobs.stores.base import Chunk


class Renaming:
    """Gives chunks the IDs of `algorithm`, and keeps in mind which; safe in many threads."""

    def __init__(self, kernel: Kernel, algorithm: DigestAlgorithm, known: IDMap) -> None:
        self.algorithm = algorithm
        self._kernel = kernel
        self._known = known
        self._lock = Lock()
        self._new: list[tuple[ChunkID, ChunkID]] = []

    def convert(self, chunks: list[Chunk]) -> list[Chunk]:
        """Return `chunks`, verified ones, under their new IDs."""
        ids = digest_many(self._kernel, self.algorithm, [chunk.plain for chunk in chunks])
        with self._lock:
            self._new += [(chunk.id, one) for chunk, one in zip(chunks, ids, strict=True)]
        return [replace(chunk, id=one) for chunk, one in zip(chunks, ids, strict=True)]

    @property
    def worth_keeping(self) -> bool:
        """Whether so many pairs are new that writing all of them down is worth its price."""
        with self._lock:
            return len(self._new) > max(1024, len(self._known) // 8)

    def pairs(self) -> IDMap:
        """Return all pairs of IDs that are known."""
        with self._lock:
            if self._new:
                self._known = self._known.with_pairs(self._new)
                self._new = []
            return self._known


def renamed_index(index: Index, pairs: IDMap, algorithm: DigestAlgorithm) -> Index | None:
    """Return `index` with the new ID of every chunk; None where one is not known."""
    ids, known = pairs.look_up(index.ids)
    if not known.all():
        return None
    return Index(flags_with(index.flags, algorithm), index.sizes, index.ends, ids)


def flags_with(flags: int, algorithm: DigestAlgorithm) -> int:
    """Return feature flags that say `algorithm`."""
    bit = FeatureFlags.SHA512_256
    return flags | bit if algorithm is DigestAlgorithm.SHA512_256 else flags & ~bit
