"""Choosing some chunks by chance, in a way that can be repeated."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.formats.marks import prefixes

_STEPS: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
"""Of SplitMix64 (Steele, Lea, Flood 2014), which spreads any change over all 64 bits."""
_LAST: Final = 31
_HALF: Final = 11
"""Bits that a double of 53 does not hold."""


def chosen(ids: NDArray[np.uint8], share: float, seed: int) -> NDArray[np.bool_]:
    """Tell which of `ids`, of shape (n, 32), are chosen, each with the probability `share`.

    The same ID and `seed`, of 64 bits, always have the same answer.
    """
    mixed = prefixes(ids) ^ np.uint64(seed)
    for shift, factor in _STEPS:
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(_LAST)
    drawn = (mixed >> np.uint64(_HALF)).astype(np.float64) / float(1 << 64 - _HALF)
    found: NDArray[np.bool_] = drawn < share
    return found
