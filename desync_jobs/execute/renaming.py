"""Chunks and indexes that get IDs of another digest."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from desync_jobs.core.chunk import CHUNK_ID_SIZE, ChunkID, DigestAlgorithm
from desync_jobs.core.digest import digest_many
from desync_jobs.core.kernel import Kernel
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.formats.id_map import IDMap
from desync_jobs.formats.index import Index
from desync_jobs.stores.base import Chunk

_WORTH: Final = 1024
"""New pairs for which all are written down, at least; and an eighth of those that are there."""


def renamed(kernel: Kernel, algorithm: DigestAlgorithm, chunks: list[Chunk]) -> list[Chunk]:
    """Return `chunks`, verified ones, under the IDs that `algorithm` gives them."""
    ids = digest_many(kernel, algorithm, [chunk.plain for chunk in chunks])
    return [replace(chunk, id=one) for chunk, one in zip(chunks, ids, strict=True)]


class Renaming:
    """Keeps in mind which chunk got which ID."""

    def __init__(self, known: IDMap) -> None:
        self._known = known
        self._new: list[tuple[ChunkID, ChunkID]] = []

    def add(self, old: Sequence[ChunkID], new: bytes) -> None:
        """Take note of the new ID of each of `old`; `new` has them one after the other."""
        ids = (new[begin : begin + CHUNK_ID_SIZE] for begin in range(0, len(new), CHUNK_ID_SIZE))
        self._new += zip(old, ids, strict=True)

    @property
    def worth_keeping(self) -> bool:
        """Whether so many pairs are new that writing all of them down is worth its price."""
        return len(self._new) > max(_WORTH, len(self._known) // 8)

    def pairs(self) -> IDMap:
        """Return all pairs of IDs that are known."""
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
