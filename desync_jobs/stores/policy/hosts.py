"""Budgets: who may send the next request, over all threads and all places of one host.

Requests a second, bytes a second and a wait that a host asked for are of the host, whichever
places of a run are on it; requests in flight are of the place. `Budget.admit` never waits, for
those who have other things in flight; `Budget.request` does, for those who call a library.

The bytes of a request are set aside before it goes out, as many as are known or expected, so that
many at once obey the rate too; the difference is settled when it has ended.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition, Lock
from typing import Final

from desync_jobs.stores.policy.limits import Bodies, Bucket, Expectation, Window
from desync_jobs.stores.policy.retry import Failure, Fault
from desync_jobs.stores.policy.values import Policy, Stopper

_LOOK_AGAIN: Final = 0.1
_NO_PLACE: Final = 0.005
"""Seconds after which to ask again when as many requests as allowed are in flight."""
_NO_BODIES: Final = Bodies()


class HostLimits:
    """What all places of one host share. Safe to call from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._requests = Bucket(None)
        self._bytes = Bucket(None)
        self._answers = Expectation()
        self._rates: tuple[float | None, float | None] = (None, None)
        self._sharers = 1
        self._closed_until = 0.0
        self._limited = False

    def tighten(self, policy: Policy) -> None:
        """Obey the limits of one more place; of two for the same thing the lower holds."""
        with self._lock:
            requests, size = self._rates
            self._rates = (
                _lower(requests, policy.requests_per_second),
                _lower(size, policy.bandwidth),
            )
            self._limited = self._limited or self._rates != (None, None)
            self._divide()

    def share(self, sharers: int) -> None:
        """Leave the host to so many processes that obey the same limits; each has its part."""
        with self._lock:
            if sharers != self._sharers:
                self._sharers = sharers
                self._divide()

    def _divide(self) -> None:
        requests, size = (None if one is None else one / self._sharers for one in self._rates)
        self._requests.rate, self._bytes.rate = requests, size

    def enter(self, bodies: Bodies) -> "Reserved | float":
        """Take the right to send one request, or return the seconds to wait first."""
        if not self._limited:
            return _NOTHING
        now = self._clock()
        with self._lock:
            wait = max(
                self._requests.wait(now), self._bytes.wait(now), self._closed_until - now, 0.0
            )
            if wait > 0.0:
                return wait
            size = bodies.sent + self._answers.of(bodies.most)
            self._requests.spend(1, now)
            self._bytes.spend(size, now)
        return Reserved(size)

    def settle(self, reserved: "Reserved", size: int) -> None:
        """Take note of bytes that were sent and received instead of those set aside."""
        if self._limited and size != reserved.size:
            with self._lock:
                self._bytes.spend(size - reserved.size, self._clock())

    def learn(self, size: int) -> None:
        """Take note of the bytes of an answer that was not known before."""
        if self._limited:
            with self._lock:
                self._answers.learn(size)

    def behind(self) -> float:
        """Return the seconds after which so many bytes are allowed as have gone."""
        if not self._limited:
            return 0.0
        with self._lock:
            return self._bytes.wait(self._clock())

    def close_for(self, seconds: float) -> None:
        """Begin nothing for some time, because the host asked for it."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)
            self._limited = True


class Hosts:
    """The hosts of a run: places of the same one get the same limits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str, HostLimits] = {}
        self._sharers = 1

    def budget(self, host: str, policy: Policy) -> "Budget":
        """Return the budget of one place; `host` is its name and port, as the URL has them."""
        with self._lock:
            limits = self._known.setdefault(host.lower(), HostLimits(self._clock))
            limits.share(self._sharers)
        limits.tighten(policy)
        return Budget(policy, limits)

    def share(self, sharers: int) -> None:
        """Leave all hosts to so many processes, this one among them, until told otherwise."""
        with self._lock:
            self._sharers = sharers
            for limits in self._known.values():
                limits.share(sharers)


@dataclass(frozen=True, slots=True)
class Reserved:
    """Bytes of a host's rate that were set aside for a request."""

    size: float


_NOTHING: Final = Reserved(0.0)


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to have one request in flight, until it is given back by `done`."""

    epoch: int
    reserved: Reserved
    bodies: Bodies


class Budget:
    """The requests of one place. Safe to call from many threads."""

    def __init__(self, policy: Policy, host: HostLimits | None = None) -> None:
        self._host = HostLimits() if host is None else host
        if host is None:
            self._host.tighten(policy)
        self._window = Window(policy.concurrency)
        self._longest_hold = policy.backoff_max
        self._in_flight = 0
        self._freed = Condition()

    @property
    def allowed(self) -> int:
        """How many requests may be in flight now."""
        return self._window.allowed

    def admit(self, bodies: Bodies = _NO_BODIES) -> Ticket | float:
        """Return the right to send one request, or the seconds after which to ask again."""
        with self._freed:
            if self._in_flight >= self._window.allowed:
                return _NO_PLACE
            reserved = self._host.enter(bodies)
            if isinstance(reserved, float):
                return reserved
            self._in_flight += 1
            return Ticket(self._window.epoch, reserved, bodies)

    def pause(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as somebody gives a right back."""
        with self._freed:
            self._freed.wait(seconds)

    def done(self, ticket: Ticket, size: int, failure: Failure | None = None) -> None:
        """Give a right back, with the bytes that the request moved and how it failed, if it did.

        A request that was given up is no failure.
        """
        self._host.settle(ticket.reserved, size)
        if ticket.bodies.most and failure is None:
            self._host.learn(max(0, size - ticket.bodies.sent))
        with self._freed:
            self._in_flight -= 1
            if failure is None:
                self._window.succeeded()
            elif failure.fault is Fault.OVERLOAD:
                self._window.overloaded(ticket.epoch)
            self._freed.notify()
        if failure is not None and failure.retry_after is not None:
            self._host.close_for(min(failure.retry_after, self._longest_hold))

    def pace(self, size: int, stopper: Stopper) -> None:
        """Take note of bytes that came within a request; return when more may come."""
        self._host.settle(_NOTHING, size)
        while (wait := self._host.behind()) > 0.0:
            stopper.pause(wait)

    @contextmanager
    def request(
        self,
        stopper: Stopper,
        failure_of: Callable[[Exception], Failure],
        bodies: Bodies = _NO_BODIES,
    ) -> Iterator["Moved"]:
        """Hold a right for one call of a library; waits for it until asked to stop.

        `failure_of` as for `Attempts.run`; the exception goes on either way.
        """
        ticket = self._wait_for_ticket(stopper, bodies)
        moved = Moved()
        failure = None
        try:
            yield moved
        except Exception as error:
            failure = failure_of(error)
            raise
        finally:
            self.done(ticket, moved.size, failure)

    def _wait_for_ticket(self, stopper: Stopper, bodies: Bodies) -> Ticket:
        while True:
            stopper.check()
            ticket = self.admit(bodies)
            if not isinstance(ticket, float):
                return ticket
            if ticket == _NO_PLACE:
                with self._freed:
                    if self._in_flight >= self._window.allowed:
                        self._freed.wait(_LOOK_AGAIN)
            else:
                stopper.pause(ticket)


class Moved:
    """How many bytes a call of a library moved; it is told by who calls."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0


def _lower(first: float | None, second: float | None) -> float | None:
    given = [rate for rate in (first, second) if rate is not None]
    return min(given, default=None)
