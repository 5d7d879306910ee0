"""When something is tried again: what failed, how often, and how long to wait between.

Waits grow exponentially with full jitter: the k-th is random between nothing and `backoff`
times 2**(k-1), so that many who failed together do not come back together. A place that says
how long to wait (`Retry-After`) is waited for that long, up to `backoff_max`.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from desync_jobs.errors import StoreError
from desync_jobs.stores.policy.values import Policy, Stopper

T = TypeVar("T")

_REQUEST_TIMEOUT: Final = 408
_LOCKED: Final = 423
"""WebDAV: another request has what this one needs, if only for its own moment."""
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERRORS: Final = range(500, 600)
_UNAVAILABLE: Final = 503
_LAST_DOUBLING: Final = 62


class Fault(Enum):
    """What kind of failure it was."""

    PERMANENT = "permanent"
    """The same again would fail again."""
    TRANSIENT = "transient"
    """It may work the next time."""
    OVERLOAD = "overload"
    """It may work the next time, with fewer requests at once."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one attempt failed; `message` says it without naming the place."""

    message: str
    fault: Fault
    retry_after: float | None = None
    """Seconds that the place asked to wait."""
    error: type[StoreError] = StoreError
    """What is raised where it is not tried again."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Why there is no further attempt; the text follows the failure's message, or is empty."""

    reason: str


def fault_of_status(status: int) -> Fault:
    """Tell what an HTTP status means that is not the answer to the request."""
    if status in (_TOO_MANY_REQUESTS, _UNAVAILABLE):
        return Fault.OVERLOAD
    if status in (_REQUEST_TIMEOUT, _LOCKED) or status in _SERVER_ERRORS:
        return Fault.TRANSIENT
    return Fault.PERMANENT


class Attempts:
    """Decides on further attempts for one batch, whose `deadline` begins here.

    Of one batch, so of one thread; each request counts its own attempts. `uniform` draws a number
    between two others. `run` is for drivers that call a library; those that have many requests
    in flight ask `next_wait` and `check_deadline`.
    """

    def __init__(
        self,
        policy: Policy,
        stopper: Stopper,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.retries = 0
        """How often something was tried again."""
        self._policy = policy
        self._stopper = stopper
        self._clock = clock
        self._uniform = uniform
        self._end = None if policy.deadline is None else clock() + policy.deadline

    def next_wait(self, failure: Failure, attempt: int) -> float | GiveUp:
        """Return how long to wait after attempt number `attempt` (from 1) failed, or why not."""
        policy = self._policy
        if failure.fault is Fault.PERMANENT:
            return GiveUp("")
        if attempt >= policy.attempts:
            return GiveUp(f" (attempt {attempt} of {policy.attempts})")
        wait = failure.retry_after
        if wait is None:
            longest = policy.backoff * 2 ** min(attempt - 1, _LAST_DOUBLING)
            wait = self._uniform(0.0, min(longest, policy.backoff_max))
        elif wait > policy.backoff_max:
            return GiveUp(
                f" (it asks to come back in {wait:.0f} s, and waiting is limited to "
                f"{policy.backoff_max:.0f} s)"
            )
        if self._end is not None and self._clock() + wait >= self._end:
            return GiveUp(f" (no time is left of {policy.deadline} s)")
        self.retries += 1
        return wait

    def check_deadline(self, what: str) -> None:
        """Raise `StoreError` where the whole batch has taken too long."""
        if self._end is not None and self._clock() >= self._end:
            raise StoreError(f"{what}: not done within {self._policy.deadline} s")

    def run(
        self, what: str, call: Callable[[], T], failure_of: Callable[[Exception], Failure]
    ) -> T:
        """Return what `call` returns, calling it again as the policy says.

        `failure_of` tells what an exception means; it raises those that are no failures of the
        place. Raises `StoreError`, which begins with `what` ("store origin: cannot read x").
        """
        attempt = 1
        while True:
            self._stopper.check()
            self.check_deadline(what)
            try:
                return call()
            except Exception as error:
                failure = failure_of(error)
                wait = self.next_wait(failure, attempt)
                if isinstance(wait, GiveUp):
                    raise StoreError(f"{what}: {failure.message}{wait.reason}") from error
            self._stopper.pause(wait)
            attempt += 1
