"""Reading a blob at any place, through its index, without putting it together.

For mounts and block devices, whose clients read from many threads. A read fetches what it needs
in one batch; chunks that others are fetching are waited for and not asked again; those used last
stay in memory; and who reads in a row finds what comes next there. Chunks of zeros are known by
their IDs where they are as long as the index's largest, or at the end, and are never fetched.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.batches import size_batches, spans
from desync_jobs.assembly.chunk_memory import ChunkMemory, RememberingSource
from desync_jobs.assembly.extracting import plain_of
from desync_jobs.assembly.random_access import Extent
from desync_jobs.assembly.read_ahead import ReadAhead
from desync_jobs.assembly.zero_positions import ZeroPositions
from desync_jobs.core.chunk import CHUNK_ID_SIZE, BytesLike, ChunkID
from desync_jobs.errors import DesyncRunError
from desync_jobs.formats.index import Index
from desync_jobs.stores.base import Chunk, ChunkSource, Fetched
from desync_jobs.stores.dedup import DedupSource

MEMORY: Final = 32 << 20
"""Bytes of chunks kept, unless told."""
_SHARE_AHEAD: Final = 4
"""The part of memory that may be read in advance: what was just read pushes out as much of what
is not read yet, and both have to fit twice."""
_AT_A_TIME: Final = 16
"""Chunks that one thread fetches in advance, so that several share what is wanted."""

Elsewhere: TypeAlias = Callable[[int, int], NDArray[np.bool_]]
"""Says which of the chunks at `first` to `last - 1` are not read from here."""


class BlobReader:
    """The blob that `index` describes, with chunks from `source`; a `RandomAccess`.

    Keeps at most `memory` bytes of chunks, and fetches in advance in `threads`. A read raises what
    is wrong with one of its own chunks (`MissingError`, `InvalidDataError`), or the
    store's `StoreError`; the next one asks again. What is `elsewhere` is not fetched in advance.
    """

    def __init__(
        self,
        index: Index,
        source: ChunkSource,
        *,
        memory: int = MEMORY,
        threads: int = 4,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._index = index
        self._zeros = ZeroPositions(index)
        self._zero_bytes = memoryview(bytes(min(index.sizes.maximum, index.blob_size)))
        self._memory = ChunkMemory(memory)
        # What was fetched is in memory before anybody else may ask for it again.
        self._source = DedupSource(RememberingSource(source, self._memory))
        self._read_ahead = ReadAhead(memory // _SHARE_AHEAD)
        self._elsewhere = elsewhere
        self._pool = ThreadPoolExecutor(threads, "read-ahead")

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        return self._index.blob_size

    @property
    def remembered(self) -> int:
        """Bytes of chunks in memory."""
        return self._memory.size

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer where the blob ends before."""
        index = self._index
        end = min(offset + length, self.size)
        if offset >= end:
            return b""
        wanted = self._read_ahead.after(offset, end)
        if wanted is not None:
            self._fetch_ahead(*wanted)
        pieces: list[BytesLike] = []
        for first, last in spans(index, index.ended_by(offset), index.ended_by(end - 1) + 1):
            starts = [index.start(first), *index.ends_between(first, last).tolist()]
            for start, piece in zip(starts, self._chunks(first, last), strict=False):
                pieces.append(memoryview(piece)[max(offset - start, 0) : end - start])
        return b"".join(pieces)

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Say of `length` bytes from `offset` where there are zeros; asks no store."""
        return self._zeros.extents(offset, length)

    def close(self) -> None:
        """Fetch nothing more; waits for what is under way."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _chunks(self, first: int, last: int) -> list[BytesLike]:
        """Return the chunks at `first` to `last - 1`, a batch."""
        ids = _ids_between(self._index, first, last)
        wanted = [one for one in dict.fromkeys(ids) if one not in self._zeros]
        answers: dict[ChunkID, Fetched] = {
            one: Chunk(one, plain) for one, plain in self._memory.take(wanted).items()
        }
        rest = [one for one in wanted if one not in answers]
        if rest:
            answers.update(zip(rest, self._source.fetch(rest), strict=True))
        return [
            plain_of(answers[one], self._index, position)
            if one in answers
            else self._zero_bytes[: self._index.length(position)]
            for position, one in enumerate(ids, first)
        ]

    def _fetch_ahead(self, begin: int, end: int) -> None:
        index = self._index
        if begin >= self.size:
            return
        # The chunk that has the byte before is asked for by who read that.
        first, last = index.ended_by(begin - 1) + 1, index.ended_by(min(end, self.size) - 1) + 1
        for one, other in size_batches(index.lengths_between(first, last)):
            for at in range(first + one, first + other, _AT_A_TIME):
                with suppress(RuntimeError):  # closed while somebody was reading
                    self._pool.submit(self._remember, at, min(at + _AT_A_TIME, first + other))

    def _remember(self, first: int, last: int) -> None:
        ids: Sequence[ChunkID] = _ids_between(self._index, first, last)
        if self._elsewhere is not None:
            needless = self._elsewhere(first, last).tolist()
            ids = [one for one, without in zip(ids, needless, strict=True) if not without]
        wanted = [one for one in ids if one not in self._zeros and one not in self._memory]
        if wanted:
            # Whoever reads these chunks asks again, and is told.
            with suppress(DesyncRunError):
                self._source.fetch(wanted)


def _ids_between(index: Index, first: int, last: int) -> Sequence[ChunkID]:
    data = index.ids_between(first, last).tobytes()
    return [data[at : at + CHUNK_ID_SIZE] for at in range(0, len(data), CHUNK_ID_SIZE)]
