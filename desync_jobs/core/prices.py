"""What it costs to take a chunk from each kind of source, as values; the cheapest is taken.

Nominal nanoseconds, from measurements of a machine of two cores with fast disks. Only their
order decides, and it holds far beyond that machine: nothing to move, then blocks that are
shared, then copies on this machine, then chunks that must be decoded, then stores in the order
in which they are declared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

TYPICAL_CHUNK: Final = 64 << 10
"""Bytes of the chunk whose price decides between kinds of source."""


class Source(Enum):
    """Where a chunk of a blob can be taken from."""

    IN_PLACE = "in-place"
    """The target has it where it belongs."""
    ZEROS = "zeros"
    """A hole."""
    CLONE = "clone"
    """A seed that shares its blocks with the target."""
    SEED = "seed"
    """A seed that is copied, a run of neighbouring chunks at a time."""
    SELF = "self"
    """Another place of the target, copied chunk by chunk."""
    CACHE = "cache"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one kind of source, in nanoseconds."""

    request: float
    """For each question: a run of a seed, or a chunk of anything else."""
    byte: float
    """For each byte that is moved."""

    def of(self, size: int, requests: int = 1) -> float:
        """Return the price of `size` bytes in `requests` questions."""
        return self.request * requests + self.byte * size


PRICES: Final[Mapping[Source, Price]] = MappingProxyType(
    {
        Source.IN_PLACE: Price(0, 0),
        Source.ZEROS: Price(5_000, 0),
        Source.CLONE: Price(14_000, 0),
        Source.SEED: Price(15_000, 0.5),
        Source.SELF: Price(25_000, 0.5),
        Source.CACHE: Price(60_000, 0.8),
        Source.STORE: Price(100_000, 1.0),
    }
)


def store_price(position: int, prices: Mapping[Source, Price] = PRICES) -> Price:
    """Return the price of the store at `position`, from 0, of those that are asked in order.

    Every store before it is asked first, and says no.
    """
    first = prices[Source.STORE]
    return Price(first.request * (position + 1), first.byte)


def cheapest_first(sources: Iterable[Source], prices: Mapping[Source, Price]) -> list[Source]:
    """Return `sources` by the price of a typical chunk; those of one price in their order."""
    return sorted(sources, key=lambda source: prices[source].of(TYPICAL_CHUNK))
