"""Sets of positions as ranges: pairs of u32, the first position and how many."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import BytesLike

RANGE_SIZE: Final = 8
MOST_POSITIONS: Final = (1 << 32) - 1
"""An index of so many positions has 160 GiB."""

_BLOCK: Final = 1 << 20
"""Ranges marked at a time, so that temporary arrays stay small."""


def ascending(positions: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `positions` in order, each once."""
    # Not np.unique, which may hash them and then takes seconds for ten million.
    ordered = np.sort(np.asarray(positions, np.int64))
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def range_bytes(positions: NDArray[np.int64]) -> bytes:
    """Return `positions`, ascending and each below `MOST_POSITIONS`, as ranges."""
    first = np.ones(len(positions), np.bool_)
    np.not_equal(positions[1:], positions[:-1] + 1, out=first[1:])
    starts = np.flatnonzero(first)
    pairs = np.empty((len(starts), 2), "<u4")
    pairs[:, 0] = positions[starts]
    pairs[:-1, 1] = starts[1:] - starts[:-1]
    pairs[-1:, 1] = len(positions) - starts[-1:]
    return pairs.tobytes()


def mark_ranges(ranges: BytesLike, marks: NDArray[np.bool_]) -> None:
    """Set what `ranges`, in any order, cover in `marks`; shape (positions,).

    What they cover past its end is left out.
    """
    pairs = np.frombuffer(ranges, "<u4").reshape(-1, 2)
    for at in range(0, len(pairs), _BLOCK):
        block = pairs[at : at + _BLOCK]
        # Where chunks are scattered most ranges have one position: those are marked together.
        single = block[:, 1] == 1
        alone = block[single, 0]
        marks[alone[alone < len(marks)]] = True
        for begin, count in block[~single].tolist():
            marks[begin : begin + count] = True
