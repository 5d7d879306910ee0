"""Seeds as a source of single chunks, in front of another source.

For whoever wants chunks one by one and not runs. A chunk that a seed does not have as
its index says, or that cannot be read there, is asked of the source behind it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import ChunkID
from desync_jobs.core.digest import digest_many
from desync_jobs.core.kernel import Kernel
from desync_jobs.errors import SourceError
from desync_jobs.formats.index import Index
from desync_jobs.formats.unique import id_keys
from desync_jobs.stores.base import Chunk, ChunkSource, Fetched, Presence, StoredSize
from desync_jobs.stores.counters import Counts


class ReadableSeed(Protocol):
    """Bytes at hand whose chunks an index names."""

    @property
    def name(self) -> str:
        """How messages call it."""
        ...

    @property
    def index(self) -> Index:
        """What it is said to hold."""
        ...

    @property
    def wrong(self) -> str:
        """What is said where it does not have what its index says."""
        ...

    def read(self, view: memoryview, offset: int) -> int:
        """Fill `view` from `offset`; returns how many bytes of it could be had.

        From any thread. Raises `SourceError` where the seed cannot be read at all.
        """
        ...


class SeedSource:
    """A `ChunkSource` that takes from `seeds` what they have, and the rest from `upstream`.

    No chunk is longer than `limit`.
    """

    def __init__(
        self, seeds: Sequence[ReadableSeed], upstream: ChunkSource, kernel: Kernel, limit: int
    ) -> None:
        self.name = upstream.name
        self._seeds = [_Lookup(seed, limit) for seed in seeds]
        self._upstream = upstream
        self._kernel = kernel
        self._lacking: Counter[str] = Counter()
        self._given = [(0, 0)] * len(seeds)
        self._lock = Lock()

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        found: dict[ChunkID, Chunk] = {}
        for number, seed in enumerate(self._seeds):
            asked = [one for one in dict.fromkeys(ids) if one not in found]
            promised = seed.places(asked)
            given: dict[ChunkID, Chunk] = {}
            try:
                given = seed.chunks(promised, self._kernel)
                complaint = seed.wrong
            except SourceError as error:
                complaint = str(error)
            found |= given
            with self._lock:
                self._lacking[complaint] += sum(one not in found for one in promised)
                chunks, size = self._given[number]
                size += sum(len(chunk.plain) for chunk in given.values())
                self._given[number] = chunks + len(given), size
        rest = [one for one in ids if one not in found]
        answers = iter(self._upstream.fetch(rest) if rest else [])
        return [found[one] if one in found else next(answers) for one in ids]

    def presence(self, ids: Sequence[ChunkID]) -> list[Presence]:
        # Whether a seed has a chunk is known only when it is read; upstream has it in any case.
        return self._upstream.presence(ids)

    def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
        # What upstream would be asked for, without the seeds.
        return self._upstream.stored_sizes(ids)

    def counts(self) -> dict[str, Counts]:
        return self._upstream.counts()

    def given(self) -> list[tuple[int, int]]:
        """Return how many chunks and bytes each seed gave, in the order of the seeds."""
        with self._lock:
            return list(self._given)

    def lacking(self) -> Mapping[str, int]:
        """Return what was wrong with seeds, and how many chunks they therefore did not give."""
        return +self._lacking


def shares_chunks(seed: Index, ids: NDArray[np.uint8]) -> bool:
    """Whether `seed` has one of `ids`, of shape (n, 32); chance may say so where it has none."""
    return bool(np.isin(id_keys(ids), id_keys(seed.rows.run_ids)).any())


class _Lookup:
    """Where in a seed a chunk is, found by the first eight bytes of its ID."""

    def __init__(self, seed: ReadableSeed, limit: int) -> None:
        self.wrong = seed.wrong
        self._seed = seed
        self._limit = limit
        keys = id_keys(seed.index.rows.run_ids)
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    def chunks(self, places: Mapping[ChunkID, int], kernel: Kernel) -> dict[ChunkID, Chunk]:
        """Return the chunks that the seed has at `places`, verified.

        Raises `SourceError` where it cannot be read.
        """
        pieces = [self._piece(position) for position in places.values()]
        digests = digest_many(kernel, self._seed.index.algorithm, pieces)
        return {
            chunk_id: Chunk(chunk_id, piece)
            for chunk_id, piece, digest in zip(places, pieces, digests, strict=True)
            if digest == chunk_id
        }

    def _piece(self, position: int) -> bytes:
        index, seed = self._seed.index, self._seed
        # An index that lies about lengths does not decide how much memory that takes.
        piece = memoryview(bytearray(min(index.length(position), self._limit)))
        return bytes(piece[: seed.read(piece, index.start(position))])

    def places(self, ids: Sequence[ChunkID]) -> dict[ChunkID, int]:
        """Return where those of `ids` are that the seed's index has."""
        if not ids or not len(self._sorted):
            return {}
        table = np.frombuffer(b"".join(ids), np.uint8).reshape(len(ids), -1)
        at = np.searchsorted(self._sorted, id_keys(table))
        runs = self._order[np.minimum(at, len(self._order) - 1)]
        positions = self._seed.index.rows.firsts(runs).tolist()
        return {
            chunk_id: position
            for chunk_id, position in zip(ids, positions, strict=True)
            if self._seed.index.id(position) == chunk_id
        }
