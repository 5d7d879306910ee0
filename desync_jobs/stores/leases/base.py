"""What every lease promises."""

from collections.abc import Iterable
from typing import Protocol

from desync_jobs.stores.leases.ledger import Role


class Lease(Protocol):
    """A store is had as a writer or as a collector until it is given back."""

    @property
    def role(self) -> Role:
        """What it is for."""
        ...

    def check(self) -> None:
        """Raise `LockedError` where the lease was lost: then nothing may be counted on any more.

        Called before whatever others would suffer from: a deletion, an index that appears.
        """
        ...

    def published(self) -> tuple[str, ...]:
        """Return URLs of indexes that appeared lately, which a listing may not show yet."""
        ...

    def give_back(self, published: Iterable[str] = ()) -> None:
        """Have it no more. `published` are URLs of indexes that appeared under it."""
        ...
