"""What a step costs: bytes, chunks and requests by place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from desync_jobs.report.words import counted, in_bytes


@dataclass(frozen=True, slots=True)
class Amount:
    """Something read from or written to one place."""

    place: str
    """`blob`, `target`, `index`, `zeros`, or the name of a store or cache."""
    bytes: int
    """Plain bytes."""
    chunks: int = 0
    requests: int = 0
    """Questions a store is asked: one for each chunk and store."""
    exact: bool = True
    """False where only an upper bound is known before the work is done."""

    def words(self) -> str:
        """Say it in words: `at most 1.5 GiB (24,000 chunks) from origin`."""
        bound = "" if self.exact else "at most "
        chunks = f" ({counted(self.chunks, 'chunk')})" if self.chunks else ""
        return f"{bound}{in_bytes(self.bytes)}{chunks}"


@dataclass(frozen=True, slots=True)
class Cost:
    """All a step reads and writes."""

    reads: tuple[Amount, ...] = ()
    writes: tuple[Amount, ...] = ()
    work: int = 0
    """Bytes of work for the progress bar."""


NO_COST = Cost()


def summed(costs: Iterable[Cost], renamed: Mapping[str, str]) -> Cost:
    """Return the sum of `costs`, by place; `renamed` maps places to what the sum calls them."""
    every = list(costs)
    return Cost(
        _by_place((amount for cost in every for amount in cost.reads), renamed),
        _by_place((amount for cost in every for amount in cost.writes), renamed),
        sum(cost.work for cost in every),
    )


def _by_place(amounts: Iterable[Amount], renamed: Mapping[str, str]) -> tuple[Amount, ...]:
    found: dict[str, Amount] = {}
    for amount in amounts:
        place = renamed.get(amount.place, amount.place)
        so_far = found.get(place, Amount(place, 0))
        found[place] = Amount(
            place,
            so_far.bytes + amount.bytes,
            so_far.chunks + amount.chunks,
            so_far.requests + amount.requests,
            exact=so_far.exact and amount.exact,
        )
    return tuple(found.values())
