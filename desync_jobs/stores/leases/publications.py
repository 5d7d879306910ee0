"""What was published lately, in lists: an object each, beside the other leases, never changed.

A list is there before the indexes in it appear, or before what names it, so that whoever dies has
told of them. When it is old is in its name, in full hours, and so is its digest: what is written
twice in an hour is there once. Collectors read all lists and remove those that are old.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from math import ceil
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from desync_jobs.errors import StoreError
from desync_jobs.stores.leases.ledger import LIST_NAME, SKEW, until_of
from desync_jobs.stores.objects.base import ObjectPlace

FOLDER: Final = "desync-run/published/"
_NAME: Final = re.compile(LIST_NAME)
_TYPE: Final = "application/json"
_MOST: Final = 1000
"""URLs of a list."""
_LIMIT: Final = 16 << 20
"""Bytes of a list."""
_HOUR: Final = 3600
_TOGETHER: Final = 16
"""Lists that are read together."""


class _List(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    published: dict[str, tuple[str, ...]]
    """Names of indexes by what comes before them in their URLs."""


class PublicationLists:
    """The lists of one store."""

    def __init__(self, place: ObjectPlace) -> None:
        self._place = place

    def put(self, urls: Iterable[str], until: float) -> tuple[str, ...]:
        """Write `urls`, which are told until `until`, seconds since 1970, and up to an hour longer.

        Returns the names of the lists.
        """
        hours = ceil(until / _HOUR)
        left = iter(urls)
        lists = []
        while some := tuple(islice(left, _MOST)):
            data = _List(published=_by_place(some)).model_dump_json().encode()
            lists.append((f"{hours * _HOUR:010d}-{hashlib.sha256(data).hexdigest()}", data))
        self._place.put([(f"{FOLDER}{name}", data) for name, data in lists], _TYPE)
        return tuple(name for name, _ in lists)

    def urls(self, named: Sequence[str], now: float) -> list[str]:
        """Return what is in the lists `named`, and in all others that are found and not old.

        Those that are old are removed. `StoreError` where one that is named is gone, and for what
        is no list.
        """
        found = self.remove_old(now, named)
        for name in found:
            if not _NAME.fullmatch(name):
                raise self._strange(name)
        wanted = [*named, *sorted(found - set(named))]
        urls: list[str] = []
        for first in range(0, len(wanted), _TOGETHER):
            urls += self._read(wanted[first : first + _TOGETHER], set(named))
        return urls

    def remove_old(self, now: float, named: Sequence[str] = ()) -> set[str]:
        """Remove lists that are old, but for those that are `named`; returns what else is there."""
        found = {entry.name.removeprefix(FOLDER) for entry in self._place.entries(FOLDER)}
        lists = {name for name in found - set(named) if _NAME.fullmatch(name)}
        # Whoever wrote it may have a clock that is behind, and be read by one that is ahead.
        old = {name for name in lists if now > until_of(name) + 2 * SKEW}
        if old:
            self._place.delete([f"{FOLDER}{name}" for name in sorted(old)])
        return found - old

    def _read(self, names: Sequence[str], named: set[str]) -> Iterable[str]:
        contents = self._place.get([f"{FOLDER}{name}" for name in names], _LIMIT)
        for name, data in zip(names, contents, strict=True):
            if data is not None:
                yield from self._parse(name, data)
            elif name in named:
                raise StoreError(
                    f"store {self._place.name}: {FOLDER}{name} is gone, which says what was "
                    "published lately; prune a day after the last index appeared"
                )

    def _parse(self, name: str, data: object) -> Iterable[str]:
        if not isinstance(data, bytes) or not name.endswith(hashlib.sha256(data).hexdigest()):
            raise self._strange(name)
        try:
            published = _List.model_validate_json(data).published
        except ValidationError as error:
            raise self._strange(name) from error
        return (f"{place}{one}" for place, names in published.items() for one in names)

    def _strange(self, name: str) -> StoreError:
        return StoreError(
            f"store {self._place.name}: {FOLDER}{name} is not a list of indexes that this program "
            "wrote; remove it, and prune a day after the last index appeared"
        )


def _by_place(urls: Iterable[str]) -> dict[str, tuple[str, ...]]:
    places: dict[str, list[str]] = {}
    for url in urls:
        place, slash, name = url.rpartition("/")
        places.setdefault(place + slash, []).append(name)
    return {place: tuple(names) for place, names in places.items()}
