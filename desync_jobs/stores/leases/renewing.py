"""A thread that renews a lease while it is had.

As a `StandingLease` it lasts for others, from its last renewal on, longer than was agreed.
"""

from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Final

from desync_jobs.errors import DesyncRunError, InterruptedRunError
from desync_jobs.stores.leases.ledgered import TIME_TO_LIVE, LedgeredLease
from desync_jobs.stores.leases.log import LedgerLog
from desync_jobs.stores.leases.role import Role

_EVERY: Final = TIME_TO_LIVE / 5
"""Seconds between two renewals; several may fail before the lease is lost."""
_SURE: Final = 1.0
"""Seconds for which one look at the lease is enough."""


class RenewedLease:
    """A `Lease` that lasts as long as its ledger can be reached."""

    def __init__(self, lease: LedgeredLease, parting: Callable[[], LedgerLog]) -> None:
        self._lease = lease
        self._parting = parting
        """Reaches the ledger also when the run was asked to stop."""
        self._done = Event()
        self._thread = Thread(target=self._renew, name="desync-run-lease", daemon=True)
        self._thread.start()

    @property
    def role(self) -> Role:
        return self._lease.role

    def check(self) -> None:
        self._lease.check()

    def promise(self) -> float:
        self._lease.check()
        return _SURE

    def published(self) -> tuple[str, ...]:
        return self._lease.published()

    def publishes(self, urls: Sequence[str]) -> None:
        self._lease.publishes(urls)

    def give_back(self) -> None:
        self.leave()
        try:
            self._lease.give_back()
        except InterruptedRunError:
            # Who was stopped would be waited for, until nobody takes him for alive any more.
            self._lease.through(self._parting())
            self._lease.give_back()

    def leave(self) -> None:
        self._done.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._done.wait(_EVERY):
            try:
                self._lease.renew()
            except DesyncRunError:
                # It is tried again; what counts on the lease asks whether it is lost.
                continue
