"""A thread that renews a lease while it is had."""

from collections.abc import Iterable
from threading import Event, Thread
from typing import Final

from desync_jobs.errors import DesyncRunError
from desync_jobs.stores.leases.ledger import Role
from desync_jobs.stores.leases.ledgered import TIME_TO_LIVE, LedgeredLease

_EVERY: Final = TIME_TO_LIVE / 5
"""Seconds between two renewals; several may fail before the lease is lost."""


class RenewedLease:
    """A `Lease` that lasts as long as its ledger can be reached."""

    def __init__(self, lease: LedgeredLease) -> None:
        self._lease = lease
        self._done = Event()
        self._thread = Thread(target=self._renew, name="desync-run-lease", daemon=True)
        self._thread.start()

    @property
    def role(self) -> Role:
        return self._lease.role

    def check(self) -> None:
        self._lease.check()

    def published(self) -> tuple[str, ...]:
        return self._lease.published()

    def give_back(self, published: Iterable[str] = ()) -> None:
        self._done.set()
        self._thread.join()
        self._lease.give_back(published)

    def _renew(self) -> None:
        while not self._done.wait(_EVERY):
            try:
                self._lease.renew()
            except DesyncRunError:
                # It is tried again; what counts on the lease asks whether it is lost.
                continue
