"""What was put aside instead of being removed: where it is, and how it comes back.

An object goes to `desync-run/quarantine/TIME/` with its own name below that, in its own place.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol, runtime_checkable

from desync_jobs.errors import StoreError
from desync_jobs.stores.leases.log import OWN
from desync_jobs.stores.objects.base import ObjectPlace

QUARANTINE: Final = f"{OWN}quarantine/"
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_LIMIT: Final = 1 << 30
"""Bytes of an object that is moved by way of here."""
_TYPE: Final = "application/octet-stream"


@runtime_checkable
class RenamingPlace(Protocol):
    """A place that moves an object without reading it."""

    def rename(self, old: str, new: str) -> None:
        """Give an object another name, in place of what has that; nothing happens without it."""
        ...


class Held(NamedTuple):
    """An object in quarantine."""

    stamp: str
    """When it was put there."""
    name: str
    """What it was called."""

    @property
    def place(self) -> str:
        """What it is called now."""
        return f"{QUARANTINE}{self.stamp}/{self.name}"


def stamp_of(now: float) -> str:
    """Return the name of a time, in seconds since 1970."""
    return datetime.fromtimestamp(now, UTC).strftime(_STAMP)


def held(place: ObjectPlace) -> Iterator[Held]:
    """List what is in quarantine."""
    for entry in place.entries(QUARANTINE):
        stamp, slash, name = entry.name.removeprefix(QUARANTINE).partition("/")
        if slash and name:
            yield Held(stamp, name)


def put_aside(place: ObjectPlace, names: Sequence[str], now: float) -> None:
    """Put objects into quarantine; those that are gone are left out."""
    for name in names:
        _move(place, name, Held(stamp_of(now), name).place)


def bring_back(place: ObjectPlace, objects: Iterable[Held]) -> int:
    """Give objects their names back, unless something has those; returns how many came back."""
    count = 0
    for one in objects:
        if place.sizes([one.name]) == [None]:
            _move(place, one.place, one.name)
            count += 1
        else:
            place.delete([one.place])
    return count


def _move(place: ObjectPlace, old: str, new: str) -> None:
    if isinstance(place, RenamingPlace):
        place.rename(old, new)
        return
    (data,) = place.get([old], _LIMIT)
    if data is None:
        return
    if not isinstance(data, bytes):
        raise StoreError(f"store {place.name}: {old} cannot be read, so it is left where it is")
    place.put([(new, data)], _TYPE)
    place.delete([old])
