"""How long chunks may be, and how often their content ends one.

The average sets the discriminator `d`: a position ends a chunk where its window
hash leaves the remainder `d - 1`. The formula, and the ways in which casync and
desync before 1.1 differ, are in the casync format (chunk sizes, break test).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from desync_jobs.core.chunk import CHUNK_SIZE_LIMIT

WINDOW_SIZE: Final = 48
"""Bytes that the hash of a position depends on."""


class CutMode(Enum):
    """Which program's cut points; the value is its name in manifests and options."""

    CASYNC = "casync"
    """casync, and desync since 1.1: the first length tested is `minimum`."""
    DESYNC_1_0 = "desync-1.0"
    """desync before 1.1: the first length tested is `minimum + 1`, `d` is never clamped."""


@dataclass(frozen=True, slots=True)
class ChunkSizes:
    """The shortest, the average and the longest chunk, in bytes.

    Holds everything that an index can say; `check` tells what a blob can be cut with.
    `ValueError` unless 1 <= minimum <= average <= maximum <= 128 MiB.
    """

    minimum: int
    average: int
    maximum: int

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.average <= self.maximum <= CHUNK_SIZE_LIMIT:
            raise ValueError(
                f"chunk sizes {self} are not 1 <= min <= avg <= max <= {CHUNK_SIZE_LIMIT}"
            )

    def __str__(self) -> str:
        """Return `MIN:AVG:MAX` in bytes, as options and manifests take it."""
        return f"{self.minimum}:{self.average}:{self.maximum}"

    @classmethod
    def from_average(cls, average: int) -> "ChunkSizes":
        """Derive the limits as casync does: a quarter and four times, within 1 and 128 MiB."""
        return cls(max(1, average // 4), average, min(4 * average, CHUNK_SIZE_LIMIT))

    @property
    def fixed(self) -> bool:
        """Whether every chunk but the last has the same length, whatever it contains."""
        return self.minimum == self.maximum

    def check(self, mode: CutMode) -> None:
        """Raise `ValueError` where the program that `mode` names cannot cut with these sizes.

        casync cuts nothing shorter than its window, and fails on its own chunks where the
        maximum is below that. desync asks for a minimum of one window.
        """
        if mode is CutMode.DESYNC_1_0 and self.minimum < WINDOW_SIZE:
            raise ValueError(
                f"chunk sizes {self} have a minimum below {WINDOW_SIZE} bytes, "
                f"which {mode.value} does not cut; take a larger minimum or cut as casync"
            )
        if self.maximum < WINDOW_SIZE and not self.fixed:
            raise ValueError(
                f"chunk sizes {self} have a maximum below the {WINDOW_SIZE} bytes that are "
                "hashed; take a larger maximum or three equal sizes"
            )
        self.discriminator(mode)

    def discriminator(self, mode: CutMode) -> int:
        """Return `d`; one position in `d` ends a chunk. Of no meaning for `fixed` sizes.

        `ValueError` for averages that have no discriminator in `mode`: desync-1.0 does not
        clamp it, and it passes 32 bits from an average of 9309388 on.
        """
        if self.fixed:
            return self.maximum
        raw = int(self.average / (-1.42888852e-7 * self.average + 1.33237515))
        if mode is CutMode.CASYNC:
            # Past an average of 9324556 the formula turns negative, which casync reads as an
            # unsigned number, so as a very large one.
            return self.maximum if raw < 0 else min(max(raw, self.minimum), self.maximum)
        if not 0 < raw < 1 << 32:
            raise ValueError(
                f"chunk sizes {self} have an average that {mode.value} has no discriminator "
                "for; take an average below 9309388 bytes or cut as casync"
            )
        return raw

    def first_test(self, mode: CutMode) -> int:
        """Return the shortest length at which content can end a chunk.

        Never below `WINDOW_SIZE`, so a chunk's cuts never depend on bytes before it.
        """
        if mode is CutMode.DESYNC_1_0:
            return max(self.minimum + 1, WINDOW_SIZE)
        return max(self.minimum, WINDOW_SIZE)


DEFAULT_SIZES: Final = ChunkSizes(16384, 65536, 262144)
"""What both programs use where nothing is said."""
