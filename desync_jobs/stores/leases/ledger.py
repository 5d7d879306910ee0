"""The state of a store's leases, as one value: who has one, and what was published lately.

Times are seconds since 1970 by the clock of who wrote them. Clocks are taken to be at most `SKEW`
apart: a lease is over for others that much later than for its owner.
"""

from typing import Annotated, Final, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desync_jobs.errors import StoreError
from desync_jobs.stores.leases.role import Role

SKEW: Final = 300.0
"""Seconds that two clocks may be apart."""
REMEMBERED: Final = 86_400.0
"""Seconds for which a publication is told to collectors whose listing may not show it yet."""
_MOST: Final = 1000
"""Publications that a state has itself."""
_LEFT: Final = 500
"""Those that it keeps where it had more, so that lists are long, and few."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


LIST_NAME: Final = r"[0-9]{1,12}-[0-9a-f]{64}"
"""What a list of publications is called: until when it is told, and its digest."""
ListName: TypeAlias = Annotated[str, Field(pattern=f"^{LIST_NAME}$")]


def until_of(name: str) -> float:
    """Return until when a list of publications is told that is called `name`."""
    return float(name.partition("-")[0])


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
    lists: tuple[ListName, ...] = ()
    """What was published before that; see `PublicationLists`."""

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
        return self._next(kept, now)

    def without(self, own: str, now: float) -> Self:
        """Return the next state, in which `own` is over."""
        kept = [one for one in self.leases if one.id != own and not one.over(now)]
        return self._next(kept, now)

    def has(self, own: str) -> bool:
        """Whether the lease `own` is in it."""
        return any(one.id == own for one in self.leases)

    def telling(self, urls: tuple[str, ...], lists: tuple[str, ...], now: float) -> Self:
        """Return the same state, which tells of `urls` and names `lists`.

        It may have an `excess`, of which it is to be `relieved` before it is written.
        """
        new = [Publication(url=url, until=now + REMEMBERED) for url in urls]
        told = {one.url: one for one in (*self.published, *new)}
        return self.model_copy(
            update={
                "published": tuple(told.values()),
                "lists": tuple(dict.fromkeys((*self.lists, *lists))),
            }
        )

    def excess(self) -> tuple[Publication, ...]:
        """Return the oldest publications where there are more than belong here."""
        return self.published[:-_LEFT] if len(self.published) > _MOST else ()

    def relieved(self, lists: tuple[str, ...]) -> Self:
        """Return the same state, whose `excess` is in `lists`."""
        left = self.published[len(self.excess()) :]
        return self.model_copy(update={"published": left, "lists": (*self.lists, *lists)})

    def content(self) -> bytes:
        """Return it as it is written; as ever where there are no lists."""
        return self.model_dump_json(exclude=None if self.lists else {"lists"}).encode()

    def _next(self, leases: list[Entry], now: float) -> Self:
        return self.model_copy(
            update={
                "number": self.number + 1,
                "leases": tuple(leases),
                "published": tuple(one for one in self.published if now <= one.until + SKEW),
                "lists": tuple(one for one in self.lists if now <= until_of(one) + SKEW),
            }
        )


def parse_entry(data: object, where: str) -> Entry:
    """Read one lease that lies by itself; `StoreError` for what is none."""
    if isinstance(data, bytes):
        try:
            return Entry.model_validate_json(data)
        except ValidationError:
            pass
    raise StoreError(
        f"{where} is not a lease that this program wrote; remove it when nobody adds to the store"
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
