"""Which thread drives which connections, so that there are no more of them than are worth having.

A curl multi handle keeps as many connections as it ever had requests in flight. One for each thread
would be 64 times the cores of the machine, whatever the place allows; and servers count them.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Final

from desync_jobs.stores.http.transfers import Transfers
from desync_jobs.stores.policy.values import Stopper

_NEXT: Final = 64
"""Requests of batches that begin before those in flight have ended, and fill the gaps they leave;
one batch of chunks."""
_LOOK_AGAIN: Final = 0.1
"""Seconds between two looks whether to stop."""


class Lanes:
    """Lends transfers to batches of requests, the one that was used last first.

    Batches wait, in their order, while others want as much as may be in flight and a little more.
    Safe to call from many threads.
    """

    def __init__(self, make: Callable[[], Transfers], concurrency: int) -> None:
        self._make = make
        self._concurrency = concurrency
        self._wanted = 0
        self._free: list[Transfers] = []
        self._queue: deque[object] = deque()
        self._changed = Condition()
        self._closed = False

    @contextmanager
    def taken(self, requests: int, stopper: Stopper) -> Iterator[Transfers]:
        """Have transfers for a batch of so many requests; waits for a turn until asked to stop."""
        wanted = min(requests, self._concurrency)
        transfers = self._take(wanted, stopper)
        try:
            yield transfers
        finally:
            with self._changed:
                self._wanted -= wanted
                if self._closed:
                    transfers.close()
                else:
                    self._free.append(transfers)
                self._changed.notify_all()

    def close(self) -> None:
        """Close the transfers that are free now, and the others when they are given back."""
        with self._changed:
            self._closed = True
            free, self._free = self._free, []
        for transfers in free:
            transfers.close()

    def _take(self, wanted: int, stopper: Stopper) -> Transfers:
        turn = object()
        with self._changed:
            self._queue.append(turn)
            try:
                while self._queue[0] is not turn or self._is_full(wanted):
                    stopper.check()
                    self._changed.wait(_LOOK_AGAIN)
                transfers = self._free.pop() if self._free else self._make()
                self._wanted += wanted
                return transfers
            finally:
                self._queue.remove(turn)
                self._changed.notify_all()

    def _is_full(self, wanted: int) -> bool:
        return self._wanted > 0 and self._wanted + wanted > self._concurrency + _NEXT
