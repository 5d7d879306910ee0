"""What every lease promises."""

from collections.abc import Sequence
from typing import Protocol

from desync_jobs.stores.leases.role import Role


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

    def publishes(self, urls: Sequence[str]) -> None:
        """Have collectors be told of indexes that are about to appear under it.

        Whatever becomes of them: what fails may have appeared all the same. `StoreError` where
        that cannot be written down now, and not when it is given back.
        """
        ...

    def give_back(self) -> None:
        """Have it no more."""
        ...


class StandingLease(Lease, Protocol):
    """A lease as a writer on behalf of others, who live on when its owner dies."""

    def promise(self) -> float:
        """Make sure that nobody deletes for as long as was agreed, even if this process dies.

        Returns seconds in which there is no need to ask again. `LockedError` where the lease was
        lost.
        """
        ...

    def leave(self) -> None:
        """Do no more for it: what was promised stands until its time is over."""
        ...
