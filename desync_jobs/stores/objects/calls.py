"""Calls of a library that waits: from a bounded pool of threads, as the policy of a place says.

A batch is worked on by as many threads as it has objects and the policy allows; the thread that
asks only waits, so that it can be stopped at once, whatever the library is waiting for.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock
from typing import Final, Generic, TypeVar

from desync_jobs.stores.objects.base import Traffic
from desync_jobs.stores.policy.hosts import Budget, Moved
from desync_jobs.stores.policy.limits import Bodies
from desync_jobs.stores.policy.retry import Attempts, Failure
from desync_jobs.stores.policy.values import Policy, Stopper

I = TypeVar("I")  # noqa: E741 - what goes in
T = TypeVar("T")

_LOOK_AGAIN: Final = 0.1
"""Seconds between two looks whether to stop."""


def _unknown(_: object) -> Bodies:
    return Bodies()


@dataclass(frozen=True, slots=True)
class Doing(Generic[I, T]):
    """What is done with each object of a batch."""

    verb: str
    """For errors: "read"."""
    call: Callable[[I, Moved], T]
    """Does it once, and tells how many bytes it moved."""
    shown: Callable[[I], str]
    """How errors call the object."""
    bodies: Callable[[I], Bodies] = _unknown
    """What is known before of the bytes that it moves."""


class Calls:
    """Makes the calls of one place. Safe to use from many threads.

    `name` begins every message; `failure_of` as for `Attempts.run`.
    """

    def __init__(
        self,
        name: str,
        policy: Policy,
        budget: Budget,
        stopper: Stopper,
        failure_of: Callable[[Exception], Failure],
    ) -> None:
        self.name = name
        self.stopper = stopper
        self.policy = policy
        self._budget = budget
        self._failure_of = failure_of
        self._threads = ThreadPoolExecutor(policy.concurrency, thread_name_prefix="calls")
        self._lock = Lock()
        self._traffic = Traffic()

    def each(self, doing: Doing[I, T], objects: Sequence[I]) -> list[T]:
        """Do it with each of `objects`, and return what came of it.

        Raises `StoreError` for the first that fails for good; the others are given up.
        """
        if not objects:
            return []
        began = time.perf_counter()
        batch = _Batch(self, doing, objects)
        try:
            return batch.run(self._threads, min(len(objects), self.policy.concurrency))
        finally:
            self.count(seconds=time.perf_counter() - began)

    def close(self) -> None:
        """Have the threads end as soon as the library lets go of them; no call is made after."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def count(self, requests: int = 0, retries: int = 0, seconds: float = 0.0) -> None:
        """Add to what was done so far."""
        with self._lock:
            so_far = self._traffic
            self._traffic = Traffic(
                so_far.requests + requests, so_far.retries + retries, so_far.seconds + seconds
            )

    def traffic(self) -> Traffic:
        """Return what was done so far."""
        with self._lock:
            return self._traffic

    def one(self, doing: Doing[I, T], attempts: Attempts, wanted: I) -> T:
        """Do it with one object, in this thread."""

        def once() -> T:
            bodies = doing.bodies(wanted)
            with self._budget.request(self.stopper, self._failure_of, bodies) as moved:
                self.count(requests=1)
                return doing.call(wanted, moved)

        what = f"{self.name}: cannot {doing.verb} {doing.shown(wanted)}"
        try:
            return attempts.run(what, once, self._failure_of)
        finally:
            if attempts.retries:
                self.count(retries=attempts.retries)


class _Batch(Generic[I, T]):
    """The state of one `each`: threads take the next object until none is left."""

    def __init__(self, calls: Calls, doing: Doing[I, T], objects: Sequence[I]) -> None:
        self._calls = calls
        self._doing = doing
        # Made here, so that the deadline of the batch begins for all of them now.
        self._left: Iterator[tuple[int, I, Attempts]] = iter(
            [(at, one, Attempts(calls.policy, calls.stopper)) for at, one in enumerate(objects)]
        )
        self._answers: dict[int, T] = {}
        self._size = len(objects)
        self._given_up = False

    def run(self, threads: ThreadPoolExecutor, count: int) -> list[T]:
        running: set[Future[None]] = {threads.submit(self._work) for _ in range(count)}
        try:
            while running:
                self._calls.stopper.check()
                ended, running = wait(running, _LOOK_AGAIN, FIRST_COMPLETED)
                for one in ended:
                    one.result()
        finally:
            self._given_up = True
            for one in running:
                one.cancel()
        return [self._answers[at] for at in range(self._size)]

    def _work(self) -> None:
        # `next` on an iterator of a list is one step of the interpreter: no two threads get the
        # same object.
        for at, one, attempts in self._left:
            if self._given_up:
                return
            self._answers[at] = self._calls.one(self._doing, attempts, one)
