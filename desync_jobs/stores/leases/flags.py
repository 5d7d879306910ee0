"""Who has a lease of a place that lets everybody overwrite: an object each, written by its owner.

The ledger cannot exclude anybody there: a state that is written late takes the place of one that
was acted on already. So whoever has a lease by the ledger raises a flag, and looks for those of
others after that. Of two that do so, one at least sees the other, however late what they wrote
arrives: all that is needed is that an object is listed once it was written.
"""

from typing import Final

from desync_jobs.stores.leases.ledger import Entry
from desync_jobs.stores.leases.posted import Posted
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.objects.base import ObjectPlace

FOLDER: Final = "desync-run/flags/"


class Flags:
    """The flags of one store."""

    def __init__(self, place: ObjectPlace) -> None:
        self._posted = Posted(place, FOLDER)

    def up(self, entry: Entry) -> None:
        """Raise a flag, or have it up for longer."""
        self._posted.put(entry)

    def down(self, own: str) -> None:
        """Lower a flag; nothing happens where it is not up."""
        self._posted.remove(own)

    def hindering(self, role: Role, own: str, now: float) -> list[Entry]:
        """Return whom the lease `own` must not meet as `role`; flags that are over are removed.

        `StoreError` for an object that is none.
        """
        entries = self._posted.found(but=own).values()
        for entry in entries:
            if entry.over(now):
                self.down(entry.id)
        return [
            entry
            for entry in entries
            if not entry.over(now) and Role.COLLECTOR in (entry.role, role)
        ]
