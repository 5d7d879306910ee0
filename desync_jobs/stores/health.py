"""Which of several equal members is asked: the first that is well, and none that just failed.

A circuit breaker for each member: after a failure it is left alone for a while, then one
request at a time may try it again; where that succeeds it takes part as before, so that
requests go back to the member that is declared first. Members that are out are asked
only when all others failed. Source: M. Nygard, Release It!, "Circuit Breaker".
"""

import time
from collections.abc import Callable
from threading import Lock


class Health:
    """The state of `count` members, by number. Safe to use from many threads."""

    def __init__(
        self, count: int, fail_back: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`fail_back` is how many seconds a member that failed is left alone."""
        self._fail_back = fail_back
        self._clock = clock
        self._lock = Lock()
        self._retry_at: list[float | None] = [None] * count
        """When a member that is out may be tried again; None for one that is well."""

    def candidates(self) -> list[int]:
        """Return all members in the order in which one request asks them.

        A member whose time to be tried again has come is among the first, once: the
        next request is not told so before this one's outcome is known or took too long.
        """
        with self._lock:
            now = self._clock()
            first = [at for at, retry in enumerate(self._retry_at) if retry is None or retry <= now]
            for member in first:
                if self._retry_at[member] is not None:
                    self._retry_at[member] = now + self._fail_back
            out = [at for at in range(len(self._retry_at)) if at not in first]
        return first + out

    def failed(self, member: int) -> bool:
        """Take note that a member failed; tell whether it was well until now."""
        with self._lock:
            was_well = self._retry_at[member] is None
            self._retry_at[member] = self._clock() + self._fail_back
        return was_well

    def succeeded(self, member: int) -> bool:
        """Take note that a member answered; tell whether it was out until now."""
        if self._retry_at[member] is None:
            return False
        with self._lock:
            was_out = self._retry_at[member] is not None
            self._retry_at[member] = None
        return was_out
