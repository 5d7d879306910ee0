"""A blob held against its index: which of its chunks are right.

Serves verify-index, in-place extraction and the question whether a target is
already complete. Each byte is read once, and those of holes never; nothing is kept of it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.batches import spans
from desync_jobs.assembly.buffers import Buffers, read_range
from desync_jobs.assembly.holes import Part, ZeroIDs, parts
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.digester import Digester
from desync_jobs.core.kernel import Kernel
from desync_jobs.formats.index import Index


@dataclass(frozen=True, slots=True)
class Compared:
    """What was found for the neighbouring positions `first` to `last - 1` of the index."""

    first: int
    last: int
    right: NDArray[np.bool_]
    """One a position: its bytes digest to its ID."""
    size: int
    """Bytes these positions cover."""


def compare_blob(
    fd: int, name: str, index: Index, workers: Workers, kernel: Kernel
) -> Iterator[Compared]:
    """Yield findings for the whole index in order; a chunk past the blob's end is wrong.

    Raises `SourceError` where the blob cannot be read.
    """
    return compare_spans(fd, name, index, [(0, len(index))], Machinery(workers, kernel))


@dataclass(frozen=True, slots=True)
class Machinery:
    """What compares."""

    workers: Workers
    kernel: Kernel


def compare_spans(
    fd: int, name: str, index: Index, wanted: Iterable[tuple[int, int]], machinery: Machinery
) -> Iterator[Compared]:
    """Do what `compare_blob` does for some spans `(first, last)` of positions."""
    kernel = machinery.kernel
    buffers = Buffers()
    digester = Digester(kernel, index.algorithm, index.sizes.maximum)
    zero_ids = ZeroIDs(index.algorithm)

    def examine(part: Part) -> Compared:
        first, last = part.first, part.last
        begin, end = index.start(first), index.end(last - 1)
        if part.hole:
            return Compared(first, last, zero_ids.are_zeros(index, first, last), end - begin)
        with buffers.borrow(end - begin) as view:
            there = read_range(fd, view, begin, name)
            cuts = [index.end(position) - begin for position in range(first, last)]
            whole = sum(1 for cut in cuts if cut <= there)
            pieces = [view[a:b] for a, b in zip([0, *cuts], cuts[:whole], strict=False)]
            digests = digester(pieces)
        right = np.zeros(last - first, np.bool_)
        for offset, digest in enumerate(digests):
            right[offset] = digest == index.id(first + offset)
        return Compared(first, last, right, end - begin)

    return machinery.workers.ordered(examine, _batches(fd, index, wanted))


def _batches(fd: int, index: Index, wanted: Iterable[tuple[int, int]]) -> Iterator[Part]:
    """Yield the positions of `wanted`, what must be read in batches."""
    for first, last in wanted:
        for part in parts(fd, index, first, last):
            if part.hole:
                yield part
            else:
                for begin, end in spans(index, part.first, part.last):
                    yield Part(begin, end, hole=False)


def wrong_ranges(index: Index, right: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the byte ranges `(begin, end)` whose chunks are wrong, neighbours joined."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], right, [True])).astype(np.int8)))
    return [
        (index.start(int(first)), index.end(int(last) - 1))
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    ]
