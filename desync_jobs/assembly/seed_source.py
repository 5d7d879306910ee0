"""Seeds as a source of single chunks, in front of another source.

For whoever wants chunks one by one and not runs. A chunk that a seed does not have as
its index says is asked of the source behind it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.buffers import read_range
from desync_jobs.assembly.seeding import OpenSeed
from desync_jobs.core.chunk import ChunkID
from desync_jobs.core.digest import digest_many
from desync_jobs.core.kernel import Kernel
from desync_jobs.stores.base import Chunk, ChunkSource, Fetched, Presence
from desync_jobs.stores.counters import Counts


class SeedSource:
    """A `ChunkSource` that takes from `seeds` what they have, and the rest from `upstream`."""

    def __init__(self, seeds: Sequence[OpenSeed], upstream: ChunkSource, kernel: Kernel) -> None:
        self.name = upstream.name
        self._seeds = [_Lookup(seed) for seed in seeds]
        self._upstream = upstream
        self._kernel = kernel

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        found: dict[ChunkID, Chunk] = {}
        for seed in self._seeds:
            asked = [one for one in ids if one not in found]
            found |= {chunk.id: chunk for chunk in seed.chunks(asked, self._kernel)}
        rest = [one for one in ids if one not in found]
        answers = iter(self._upstream.fetch(rest) if rest else [])
        return [found[one] if one in found else next(answers) for one in ids]

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        # Whether a seed has a chunk is known only when it is read; upstream has it in any case.
        return self._upstream.presence(ids)

    def counts(self) -> dict[str, Counts]:
        return self._upstream.counts()


class _Lookup:
    """Where in a seed a chunk is, found by the first eight bytes of its ID."""

    def __init__(self, seed: OpenSeed) -> None:
        self._seed = seed
        keys = _keys(seed.index.ids)
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    def chunks(self, ids: Sequence[ChunkID], kernel: Kernel) -> list[Chunk]:
        """Return those of `ids` that the seed has, verified."""
        index, fd = self._seed.index, self._seed.fd
        places = self._places(ids)
        pieces = []
        for position in places.values():
            piece = bytearray(index.length(position))
            count = read_range(fd, memoryview(piece), index.start(position), self._seed.name)
            pieces.append(bytes(piece[:count]))
        digests = digest_many(kernel, index.algorithm, pieces)
        return [
            Chunk(chunk_id, piece)
            for chunk_id, piece, digest in zip(places, pieces, digests, strict=True)
            if digest == chunk_id
        ]

    def _places(self, ids: Sequence[ChunkID]) -> dict[ChunkID, int]:
        if not ids or not len(self._sorted):
            return {}
        table = np.frombuffer(b"".join(ids), np.uint8).reshape(len(ids), -1)
        at = np.searchsorted(self._sorted, _keys(table))
        positions = self._order[np.minimum(at, len(self._order) - 1)].tolist()
        return {
            chunk_id: position
            for chunk_id, position in zip(ids, positions, strict=True)
            if self._seed.index.id(position) == chunk_id
        }


def _keys(ids: NDArray[np.uint8]) -> NDArray[np.uint64]:
    keys: NDArray[np.uint64] = ids[:, :8].copy().view(np.uint64)[:, 0]
    return keys
