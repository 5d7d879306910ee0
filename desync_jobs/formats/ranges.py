"""Sets of positions as ranges: pairs of u32, the first position and how many."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.core.chunk import BytesLike

RANGE_SIZE: Final = 8
MOST_POSITIONS: Final = (1 << 32) - 1
"""An index of so many positions has 160 GiB."""


def range_bytes(positions: NDArray[np.int64]) -> bytes:
    """Return `positions`, ascending and each below `MOST_POSITIONS`, as ranges."""
    begins = np.flatnonzero(np.diff(positions, prepend=-2) != 1)
    counts = np.diff(begins, append=len(positions))
    return np.column_stack((positions[begins], counts)).astype("<u4").tobytes()


def mark_ranges(ranges: BytesLike, marks: NDArray[np.bool_]) -> None:
    """Set what `ranges`, in any order, cover in `marks`; shape (positions,).

    What they cover past its end is left out.
    """
    pairs = np.frombuffer(ranges, "<u4").reshape(-1, 2)
    begins = pairs[:, 0].astype(np.int64)
    ends = np.minimum(begins + pairs[:, 1], len(marks))
    np.minimum(begins, len(marks), out=begins)
    low, high = int(begins.min(initial=len(marks))), int(ends.max(initial=0))
    # How many ranges cover each position: one more where one begins, one less after its end.
    depth = np.zeros(max(high - low, 0) + 1, np.int32)
    np.add.at(depth, begins - low, 1)
    np.subtract.at(depth, ends - low, 1)
    np.cumsum(depth, out=depth)
    marks[low:high] |= depth[:-1] > 0
