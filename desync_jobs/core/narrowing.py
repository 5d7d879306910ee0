"""Leaving out of a sequence what nobody looks for.

Runs of neighbours stay what they are: of each stretch that is left out one entry remains, which
equals nothing, so that neighbours in the narrowed sequence are neighbours in the whole one.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

_WORTH: Final = 2
"""Narrowed where that leaves less than half."""


@dataclass(frozen=True, slots=True, eq=False)
class Narrowed:
    """What is left of a sequence."""

    numbers: NDArray[np.int64]
    kept: NDArray[np.int64] | None
    """Where each of `numbers` stands in the whole sequence; None where that is the same."""

    def places(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where the entries `at` stand in the whole sequence."""
        return at if self.kept is None else self.kept[at]

    def left_of(self, values: NDArray[T]) -> NDArray[T]:
        """Return those of `values`, one an entry of the whole sequence, that are left."""
        return values if self.kept is None else values[self.kept]


def narrowed(
    numbers: NDArray[np.signedinteger[Any]], wanted: NDArray[np.bool_], other: int
) -> Narrowed:
    """Return `numbers` with `other` for what is not `wanted`, narrowed where that is worth it."""
    kept = wanted.copy()
    kept[1:] |= wanted[:-1]
    if np.count_nonzero(kept) * _WORTH > len(kept):
        whole = numbers.astype(np.int64)
        whole[~wanted] = other
        return Narrowed(whole, None)
    places = np.flatnonzero(kept)
    left = numbers[places].astype(np.int64)
    left[~wanted[places]] = other
    return Narrowed(left, places)
