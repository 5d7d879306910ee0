"""Holes of sparse files: known to be zero without being read.

lseek(2) tells them, where the file system knows them; elsewhere everything is data.
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import CHUNK_ID_SIZE, BytesLike, ChunkID, DigestAlgorithm
from desync_jobs.formats.index import Index

_BLOCK: Final = 1 << 16
"""Positions in one part of a hole, so that temporary arrays stay small."""
_ZEROS: Final = 1 << 20
_REMEMBERED: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Part:
    """Positions `first` to `last - 1` of an index."""

    first: int
    last: int
    hole: bool
    """Whether all their bytes are in a hole of the blob."""


def parts(fd: int, index: Index, first: int, last: int) -> Iterator[Part]:
    """Divide positions `first` to `last - 1` of `index` by what of the blob at `fd` is a hole.

    Moves the place in `fd` where a plain read goes on.
    """
    while first < last:
        data = _seek(fd, index.start(first), os.SEEK_DATA)
        stop = min(index.ended_by(data), last)
        while first < stop:
            end = min(first + _BLOCK, stop)
            yield Part(first, end, hole=True)
            first = end
        if first < last:
            hole = _seek(fd, max(data, index.start(first)), os.SEEK_HOLE)
            past_the_end = hole <= index.start(first)
            stop = last if past_the_end else min(index.ended_by(hole - 1) + 1, last)
            yield Part(first, stop, hole=False)
            first = stop


def _seek(fd: int, offset: int, how: int) -> int:
    """Return where the next data or hole is, and the end of the file where there is none.

    What the system cannot tell is data.
    """
    try:
        return os.lseek(fd, offset, how)
    except OSError as error:
        size = os.lseek(fd, 0, os.SEEK_END)
        if error.errno == errno.ENXIO or how == os.SEEK_HOLE:
            return size
        return min(offset, size)


class ZeroIDs:
    """The IDs of zeros of any length; used from many threads."""

    def __init__(self, algorithm: DigestAlgorithm) -> None:
        self._algorithm = algorithm
        self._known: dict[int, ChunkID] = {}

    def are_zeros(self, index: Index, first: int, last: int) -> NDArray[np.bool_]:
        """Return which of positions `first` to `last - 1` have the ID of zeros."""
        lengths, number = np.unique(index.lengths_between(first, last), return_inverse=True)
        ids = b"".join(self._ids(lengths.tolist()))
        table = np.frombuffer(ids, np.uint8).reshape(-1, CHUNK_ID_SIZE)
        same: NDArray[np.bool_] = (table[number] == index.ids_between(first, last)).all(axis=1)
        return same

    def _ids(self, lengths: list[int]) -> list[ChunkID]:
        """Return the IDs of zeros of `lengths`, ascending; zeros are digested once for all."""
        known = self._known
        if len(known) > _REMEMBERED:
            self._known = known = {}
        if any(length not in known for length in lengths):
            digest = self._algorithm.new()
            zeros: BytesLike = memoryview(bytes(min(_ZEROS, lengths[-1])))
            done = 0
            for length in lengths:
                while done < length:
                    part = zeros[: length - done]
                    digest.update(part)
                    done += len(part)
                known[length] = digest.copy().digest()
        return [known[length] for length in lengths]
