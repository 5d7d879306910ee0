"""Clients count on what a server told them is in its store: nobody deletes it under them.

The store's lease is had from the first request on that a client may count on, until none came for
a while: time enough to publish the index that names the chunks. What was promised stands when the
server ends, well or not, as its clients go on with the next one. While somebody else deletes,
requests wait, and are refused for now if that takes long.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import Final

from desync_jobs.errors import DesyncRunError, LockedError
from desync_jobs.server.answers import busy
from desync_jobs.server.complaints import Complaints
from desync_jobs.stores.leases.base import StandingLease

PATIENCE: Final = 30.0
"""Seconds for which a request waits; clients do so for a minute or longer."""
_LEAST: Final = 1.0
"""Seconds between two looks whether clients are there."""

Taker = Callable[[], StandingLease | None]
"""Takes the lease of a store, None where it has none; waits for others."""


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class CountingOn:
    """The lease of a store, had while clients count on it, and for `lasting` seconds after.

    To be used from one event loop, but for `close`; takes and gives back in `executor`.
    """

    def __init__(
        self, take: Taker, lasting: float, executor: Executor, report: Callable[[str], None]
    ) -> None:
        self._take = take
        self._lasting = lasting
        self._executor = executor
        self._report = report
        self._complaints = Complaints(report)
        self._lease: StandingLease | None = None
        self._leaseless = False
        self._sure_until = 0.0
        self._asking: asyncio.Future[None] | None = None
        self._requests = 0
        self._last = 0.0
        self._looking = False
        self._closed = False

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """While inside, and for a while after, nobody deletes from the store.

        `RefusedError` where somebody does so now, and for long, or might have done so meanwhile.
        """
        self._requests += 1
        try:
            await self._sure()
            lease = self._lease
            yield
            await self._sure()
            if self._lease is not lease:
                raise busy()
        finally:
            self._requests -= 1
            self._last = _since_boot()

    def close(self) -> None:
        """Do no more; what was promised stands. To be called when the event loop has ended."""
        self._closed = True
        lease, self._lease = self._lease, None
        if lease is not None:
            self._end(lease.leave)

    async def _sure(self) -> None:
        """Return when the lease is had, and promised for as long as is agreed."""
        if self._leaseless or (self._lease is not None and _since_boot() < self._sure_until):
            return
        if self._asking is None:
            loop = asyncio.get_running_loop()
            self._asking = loop.run_in_executor(self._executor, self._ask)
            self._asking.add_done_callback(self._asked)
        try:
            # One request that gives up takes nobody else's lease with it.
            await asyncio.wait_for(asyncio.shield(self._asking), PATIENCE)
        except (TimeoutError, LockedError) as error:
            raise busy() from error

    def _ask(self) -> None:
        """Renew the promise, or take the lease; in a thread, once at a time."""
        if self._lease is not None:
            try:
                self._sure_for(self._lease)
            except LockedError as error:
                # What clients were told under it may be gone; they find out when they read.
                self._report(str(error))
                lost, self._lease = self._lease, None
                self._end(lost.leave)
            else:
                return
        try:
            lease = self._take()
        except LockedError as error:
            self._complaints.make("clients are told to come back", str(error))
            raise
        if lease is None:
            self._leaseless = True
            return
        try:
            self._sure_for(lease)
        except BaseException:
            self._end(lease.give_back)
            raise
        self._lease = lease
        if self._closed:
            self.close()

    def _sure_for(self, lease: StandingLease) -> None:
        asked = _since_boot()
        self._sure_until = asked + lease.promise()

    def _asked(self, asked: "asyncio.Future[None]") -> None:
        self._asking = None
        if not asked.cancelled() and asked.exception() is None:
            self._look_later(self._lasting)

    def _look_later(self, seconds: float) -> None:
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """Give the lease back where nobody counts on it any more."""
        self._looking = False
        if self._lease is None:
            return
        idle = _since_boot() - self._last
        if self._requests or self._asking is not None or idle < self._lasting:
            self._look_later(max(self._lasting - idle, _LEAST))
            return
        lease, self._lease = self._lease, None
        self._executor.submit(self._end, lease.give_back)

    def _end(self, how: Callable[[], None]) -> None:
        try:
            how()
        except DesyncRunError as error:
            self._report(f"a lease could not be given back, and ends later: {error}")
