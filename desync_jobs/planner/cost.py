"""What a step costs: bytes, chunks and requests by place, and room on disks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from desync_jobs.core.prices import Price, Source
from desync_jobs.planner.space import Space, in_turn


@dataclass(frozen=True, slots=True)
class Bounds:
    """A number of bytes that lies between two, both included."""

    lower: int
    upper: int

    @property
    def exact(self) -> bool:
        """Whether it is known."""
        return self.lower == self.upper

    def __add__(self, other: "Bounds") -> "Bounds":
        return Bounds(self.lower + other.lower, self.upper + other.upper)


@dataclass(frozen=True, slots=True)
class Amount:
    """Something read from or written to one place."""

    place: str
    """`blob`, `target`, `index`, `zeros`, or the name of a store or cache; several stores whose
    shares are not known yet are joined by `+`, and a seed is `seed NAME`."""
    bytes: int
    """Plain bytes."""
    chunks: int = 0
    requests: int = 0
    """Questions a store is asked: one for each chunk and store."""
    exact: bool = True
    """False where only upper bounds of these are known before the work is done."""
    stored: Bounds | None = None
    """Stored bytes, as they are transferred; None where nobody looked, or nothing is stored."""
    source: Source | None = None
    """What kind of source of chunks the place is."""
    price: Price | None = None
    """What this kind of source costs; the cheapest that has a chunk gives it."""


QUARANTINED: Final = "quarantined chunk"
QUARANTINED_INDEX: Final = "quarantined index"


@dataclass(frozen=True, slots=True)
class Deletion:
    """Chunk files, or indexes, that are removed from one place."""

    place: str
    chunks: int
    """How many go."""
    bytes: int
    """Stored bytes of chunks."""
    of: int
    """How many the place has."""
    what: str = "chunk"
    """What they are: `chunk`, `index`, or one of the two that are in quarantine, of all that the
    place has, those in quarantine among them."""


@dataclass(frozen=True, slots=True)
class Cost:
    """All a step reads and writes."""

    reads: tuple[Amount, ...] = ()
    writes: tuple[Amount, ...] = ()
    work: int = 0
    """Bytes of work for the progress bar."""
    space: tuple[Space, ...] = ()
    """Room that is needed, by file system."""
    warnings: tuple[str, ...] = ()
    """What will go wrong, or may."""
    deletes: tuple[Deletion, ...] = ()

    @property
    def download(self) -> Bounds | None:
        """Stored bytes that come from stores, caches left out; None where nobody looked."""
        stores = [one.stored for one in self.reads if one.source is Source.STORE]
        found = [one for one in stores if one is not None]
        return sum(found, Bounds(0, 0)) if found else None


NO_COST = Cost()


def summed(costs: Iterable[Cost], renamed: Mapping[str, str]) -> Cost:
    """Return the sum of `costs`, by place; `renamed` maps places to what the sum calls them."""
    every = list(costs)
    space = in_turn(space for cost in every for space in cost.space)
    told = (one for cost in every for one in cost.warnings)
    return Cost(
        _by_place((amount for cost in every for amount in cost.reads), renamed),
        _by_place((amount for cost in every for amount in cost.writes), renamed),
        sum(cost.work for cost in every),
        space,
        tuple(dict.fromkeys(told)),
        tuple(one for cost in every for one in cost.deletes),
    )


def _by_place(amounts: Iterable[Amount], renamed: Mapping[str, str]) -> tuple[Amount, ...]:
    found: dict[str, Amount] = {}
    for amount in amounts:
        place = renamed.get(amount.place, amount.place)
        so_far = found.get(place)
        found[place] = replace(amount, place=place) if so_far is None else _added(so_far, amount)
    return tuple(found.values())


def _added(so_far: Amount, amount: Amount) -> Amount:
    seen = [one for one in (so_far.stored, amount.stored) if one is not None]
    return replace(
        so_far,
        bytes=so_far.bytes + amount.bytes,
        chunks=so_far.chunks + amount.chunks,
        requests=so_far.requests + amount.requests,
        exact=so_far.exact and amount.exact,
        stored=sum(seen, Bounds(0, 0)) if seen else None,
    )
