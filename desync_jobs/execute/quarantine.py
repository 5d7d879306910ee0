"""What was put aside instead of being removed: where it is, and how it comes back.

An object goes to `desync-run/quarantine/TIME/` with its own name below that, in its own place.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol, runtime_checkable

from desync_jobs.errors import StoreError
from desync_jobs.stores.leases.log import OWN
from desync_jobs.stores.objects.base import CreatingPlace, ObjectPlace

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

    def rename_to_new(self, old: str, new: str) -> bool:
        """Give an object a name that nothing has; False where something has, or it is gone."""
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
        return f"{QUARANTINE}{self.below}"

    @property
    def below(self) -> str:
        """What it is called in quarantine."""
        return f"{self.stamp}/{self.name}"


def stamp_of(now: float) -> str:
    """Return the name of a time, in seconds since 1970."""
    return datetime.fromtimestamp(now, UTC).strftime(_STAMP)


def held(place: ObjectPlace) -> Iterator[Held]:
    """List what is in quarantine."""
    for entry in place.entries(QUARANTINE):
        stamp, slash, name = entry.name.removeprefix(QUARANTINE).partition("/")
        if slash and name:
            yield Held(stamp, name)


def put_aside(
    place: ObjectPlace, names: Sequence[str], now: float, check: Callable[[], None]
) -> None:
    """Put objects into quarantine; those that are gone are left out.

    `check` is called just before each is taken away, and may refuse it.
    """
    for name in names:
        _move(place, name, Held(stamp_of(now), name).place, check)


def bring_back(place: ObjectPlace, objects: Iterable[Held]) -> int:
    """Give objects their names back, unless something has those; returns how many came back."""
    count = 0
    for one in objects:
        if place.sizes([one.name]) == [None]:
            _move(place, one.place, one.name, _agreed)
            count += 1
        else:
            place.delete([one.place])
    return count


def bring_back_unless_taken(place: ObjectPlace, one: Held) -> bool:
    """Give an object its name back where nothing has that, and nobody gives it to another one now.

    Otherwise it stays in quarantine; tells which.
    """
    # Asked for also where it is made only where there is none: some servers do not heed that.
    if place.sizes([one.name]) != [None]:
        return False
    if isinstance(place, RenamingPlace):
        return place.rename_to_new(one.place, one.name)
    data = _read(place, one.place)
    if data is None:
        return False
    if not isinstance(place, CreatingPlace):
        place.put([(one.name, data)], _TYPE)
    elif not place.create(one.name, data, _TYPE):
        return False
    place.delete([one.place])
    return True


def returnable(place: ObjectPlace, objects: Iterable[Held]) -> list[Held]:
    """Return of `objects` the newest of each name that nothing has.

    For those whose names do not say what they hold: an older one, or one in place of which
    something else is by now, is nobody's to replace and nobody's to throw away.
    """
    newest = {one.name: one for one in sorted(objects)}
    sizes = place.sizes(list(newest))
    return [one for one, size in zip(newest.values(), sizes, strict=True) if size is None]


def _agreed() -> None:
    """Refuse nothing: whoever needs what comes back has it."""


def _move(place: ObjectPlace, old: str, new: str, check: Callable[[], None]) -> None:
    if isinstance(place, RenamingPlace):
        check()
        place.rename(old, new)
        return
    data = _read(place, old)
    if data is None:
        return
    place.put([(new, data)], _TYPE)
    check()
    place.delete([old])


def _read(place: ObjectPlace, name: str) -> bytes | None:
    (data,) = place.get([name], _LIMIT)
    if data is None or isinstance(data, bytes):
        return data
    raise StoreError(f"store {place.name}: {name} cannot be read, so it is left where it is")
