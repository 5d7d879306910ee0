"""The state of a store's leases, as one value: who has one, and what was published lately.

Times are seconds since 1970 by the clock of who wrote them. Clocks are taken to be at most `SKEW`
apart: a lease is over for others that much later than for its owner.
"""

from enum import Enum
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from desync_jobs.errors import StoreError

SKEW: Final = 300.0
"""Seconds that two clocks may be apart."""
REMEMBERED: Final = 86_400.0
"""Seconds for which a publication is told to collectors whose listing may not show it yet."""
_MOST_REMEMBERED: Final = 1000


class Role(Enum):
    """What a lease is for."""

    WRITER = "writer"
    """Adds chunks, and counts on those that are there."""
    WAITING = "waiting"
    """Will delete as soon as the writers are done that are there; no other one begins."""
    COLLECTOR = "collector"
    """Deletes."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Entry(_Value):
    """One lease."""

    id: str
    """Different for each lease."""
    role: Role
    owner: str
    """Who has it, in words for people."""
    until: float
    """When it is over, unless it is renewed."""

    def over(self, now: float) -> bool:
        """Whether nobody acts on it any more, whichever clock `now` is by."""
        return now > self.until + SKEW


class Publication(_Value):
    """An index that was published under a lease which is over."""

    url: str
    until: float
    """When every listing has shown it for long."""


class Ledger(_Value):
    """All leases of a store."""

    number: int = 0
    """How many states there were before; this one is in the object of that number."""
    leases: tuple[Entry, ...] = ()
    """In the order in which they were asked for."""
    published: tuple[Publication, ...] = ()

    def blocking(self, role: Role, own: str, now: float) -> list[Entry]:
        """Return those for whom the lease `own` must wait before it may act as `role`."""
        before = []
        for one in self.leases:
            if one.id == own:
                break
            before.append(one)
        if role is Role.WRITER:
            hindering = [one for one in self.leases if one.role is not Role.WRITER]
        else:
            hindering = [
                one for one in self.leases if one.role is not Role.WAITING or one in before
            ]
        return [one for one in hindering if one.id != own and not one.over(now)]

    def having(self, entry: Entry, now: float) -> Self:
        """Return the next state, in which `entry` is new or renewed, and what is over is gone."""
        kept = [one for one in self.leases if not one.over(now)]
        if any(one.id == entry.id for one in kept):
            kept = [entry if one.id == entry.id else one for one in kept]
        else:
            kept.append(entry)
        return self._next(kept, self._lasting(now))

    def without(self, own: str, urls: tuple[str, ...], now: float) -> Self:
        """Return the next state, in which `own` is over and has published `urls`."""
        kept = [one for one in self.leases if one.id != own and not one.over(now)]
        new = [Publication(url=url, until=now + REMEMBERED) for url in urls]
        told = {one.url: one for one in (*self._lasting(now), *new)}
        return self._next(kept, [*told.values()][-_MOST_REMEMBERED:])

    def has(self, own: str) -> bool:
        """Whether the lease `own` is in it."""
        return any(one.id == own for one in self.leases)

    def _lasting(self, now: float) -> list[Publication]:
        return [one for one in self.published if now <= one.until + SKEW]

    def _next(self, leases: list[Entry], published: list[Publication]) -> Self:
        return self.model_copy(
            update={
                "number": self.number + 1,
                "leases": tuple(leases),
                "published": tuple(published),
            }
        )


def parse_ledger(data: bytes, where: str) -> Ledger:
    """Read a state; `StoreError` for what is none."""
    try:
        return Ledger.model_validate_json(data)
    except ValidationError as error:
        raise StoreError(
            f"{where}: is not a state of leases that this program wrote; remove the objects below "
            "it when nobody uses the store"
        ) from error
