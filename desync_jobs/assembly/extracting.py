"""Index + source → blob: fetch each distinct chunk once, write it to all its places.

Every chunk is digested before it is written and has the length its index says, so what
is in the target is right without being read back. Neighbouring chunks of a batch are one
`pwritev`. Memory is threads times one batch.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.batches import batches
from desync_jobs.assembly.pieces import PieceReader
from desync_jobs.assembly.placing import Target, write_placed
from desync_jobs.assembly.workers import Workers
from desync_jobs.assembly.zeros import write_zeros
from desync_jobs.core.chunk import BytesLike
from desync_jobs.core.kernel import Kernel
from desync_jobs.core.ranges import Ranges
from desync_jobs.core.segments import Positions, Segments
from desync_jobs.errors import InvalidDataError
from desync_jobs.formats.index import Index
from desync_jobs.stores.base import Chunk, ChunkSource, Fetched


@dataclass(frozen=True, slots=True)
class Written:
    """What one batch did."""

    places: Sequence[int] | Positions
    """Positions written."""
    size: int
    """Bytes written."""


def _no_more(written: Written) -> None:
    """Do nothing else with a batch."""


def fetch_into(
    target: Target,
    index: Index,
    segments: Segments,
    source: ChunkSource,
    workers: Workers,
    *,
    at_once: Callable[[Written], None] = _no_more,
) -> Generator[Written, None, None]:
    """Fetch the chunks of `segments` from `source` and write them; yields after each batch.

    The thread that wrote a batch calls `at_once` with it; what is yielded is in order, and may have
    waited for other batches. Whoever is killed between has fetched in vain what nobody noted.

    Raises `ChunkMissingError` or `ChunkInvalidError` for the first chunk nobody
    has right, and `TargetError` where the target cannot be written.
    """

    def handle(numbers: NDArray[np.int64]) -> Written:
        sources = segments.sources[numbers]
        answers = source.fetch([index.id(position) for position in sources.tolist()])
        pieces = [
            plain_of(answer, index, position)
            for answer, position in zip(answers, sources.tolist(), strict=True)
        ]
        written = _write_all(target, index, segments, numbers, pieces)
        at_once(written)
        return written

    return workers.ordered(handle, _numbered(index, segments))


def copy_within(
    target: Target, index: Index, segments: Segments, workers: Workers, kernel: Kernel
) -> Generator[Written, None, None]:
    """Copy chunks that the target has right to the places where it has not.

    The places read are never written, so copies need no order. Raises
    `BlobMismatchError` where the target changed since it was looked at.
    """
    reader = PieceReader(target.fd, target.name, index, kernel)

    def handle(numbers: NDArray[np.int64]) -> Written:
        with reader.verified(segments.sources[numbers].tolist()) as pieces:
            return _write_all(target, index, segments, numbers, pieces)

    return workers.ordered(handle, _numbered(index, segments))


def zero_within(target: Target, index: Index, zeros: Ranges) -> Generator[Written, None, None]:
    """Make the chunks at positions `zeros` zero, neighbours together."""
    for first, last in zeros.blocks():
        begin, end = index.start(first), index.end(last - 1)
        write_zeros(target, begin, end - begin)
        yield Written(np.arange(first, last), end - begin)


def _numbered(index: Index, segments: Segments) -> Iterator[NDArray[np.int64]]:
    """Yield numbers of `segments` in batches by the size of their chunks."""
    number = 0
    for positions in batches(index, segments.sources):
        yield np.arange(number, number + len(positions))
        number += len(positions)


def plain_of(answer: Fetched, index: Index, position: int) -> BytesLike:
    """Return the plain bytes of `answer`, which must be as long as `index` says.

    Raises the answer where it is an error.
    """
    if not isinstance(answer, Chunk):
        raise answer
    length = index.length(position)
    if len(answer.plain) != length:
        raise InvalidDataError(
            f"chunk {answer.id.hex()} has {len(answer.plain)} bytes, the index says {length}"
        )
    return answer.plain


def _write_all(
    target: Target,
    index: Index,
    segments: Segments,
    numbers: NDArray[np.int64],
    pieces: Sequence[BytesLike],
) -> Written:
    placed = [
        (place, piece)
        for number, piece in zip(numbers.tolist(), pieces, strict=True)
        for place in segments.places_of(number)
    ]
    size = write_placed(target, [(index.start(place), piece) for place, piece in placed])
    return Written([place for place, _ in placed], size)
