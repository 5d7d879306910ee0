"""Entries that are an object each, in one folder, written and removed by whom they are about."""

from typing import Final

from desync_jobs.stores.leases.ledger import Entry, parse_entry
from desync_jobs.stores.objects.base import ObjectPlace

_TYPE: Final = "application/json"
_LIMIT: Final = 1 << 16
"""Bytes of one."""


class Posted:
    """The entries in `folder` of a place, which ends with a slash."""

    def __init__(self, place: ObjectPlace, folder: str) -> None:
        self._place = place
        self._folder = folder

    def put(self, entry: Entry) -> None:
        """Post an entry, in place of one with its ID."""
        data = entry.model_dump_json().encode()
        self._place.put([(f"{self._folder}{entry.id}", data)], _TYPE)

    def remove(self, entry_id: str) -> None:
        """Remove an entry; nothing happens where there is none."""
        self._place.delete([f"{self._folder}{entry_id}"])

    def found(self, but: str = "") -> dict[str, Entry]:
        """Return all entries, without that with the ID `but`, by the names of the objects.

        `StoreError` for an object that is none.
        """
        # Some servers list an object more than once.
        listed = {entry.name for entry in self._place.entries(self._folder)}
        names = sorted(listed - {f"{self._folder}{but}"})
        return {
            name: parse_entry(data, f"store {self._place.name}: {name}")
            for name, data in zip(names, self._place.get(names, _LIMIT), strict=True)
            if data is not None
        }
