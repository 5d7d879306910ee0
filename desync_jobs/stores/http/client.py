"""Batches of requests: sent as the policy allows, tried again as it says, stopped when asked."""

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit

from desync_jobs.stores.http.lanes import Lanes
from desync_jobs.stores.http.messages import Request, Response
from desync_jobs.stores.http.options import HttpOptions, Setup
from desync_jobs.stores.http.transfers import Transfers
from desync_jobs.stores.objects.base import Traffic
from desync_jobs.stores.policy.hosts import Budget, Ticket
from desync_jobs.stores.policy.retry import Attempts, Failure, GiveUp
from desync_jobs.stores.policy.values import Stopper

T = TypeVar("T")

_LOOK_AGAIN: Final = 0.1
"""Seconds between two looks whether to stop."""
_REFUSED: Final = (401, 403)
_NO_EXPECT: Final = "Expect:"
"""Without it libcurl would wait a second for a `100 Continue` that many servers never send."""


class HttpClient:
    """Sends batches of requests, each from the thread that calls. Safe to call from many."""

    def __init__(self, name: str, options: HttpOptions, budget: Budget, stopper: Stopper) -> None:
        """`name` begins every message: "store origin"."""
        self.name = name
        self.options = options
        self.budget = budget
        self.stopper = stopper
        setup, most = Setup(options), options.policy.concurrency
        self._lanes = Lanes(lambda: Transfers(setup, most), most)
        self._lock = threading.Lock()
        self._traffic = Traffic()

    def exchange(
        self,
        doing: str,
        requests: Sequence[Request],
        judge: Callable[[int, Response], T | Failure],
        attempt: int = 1,
    ) -> list[T]:
        """Send all of `requests` and return what `judge` makes of each response.

        `judge` is given the position of the request; a `Failure` it returns is dealt with as the
        policy says. `attempt` is the number of the first one. Raises `StoreError`, in whose
        message `doing` ("read", "look for") says what was tried.
        """
        if not requests:
            return []
        began = time.perf_counter()
        with self._lanes.taken(len(requests), self.stopper) as transfers:
            batch = _Batch(self, transfers, doing, requests, judge)
            try:
                return batch.run(attempt)
            finally:
                self._count(batch.sent, batch.retries, time.perf_counter() - began)

    def close(self) -> None:
        """Close the connections that no batch uses; those of one that is under way as it ends."""
        self._lanes.close()

    def traffic(self) -> Traffic:
        """Return what was done so far."""
        with self._lock:
            return self._traffic

    def _count(self, requests: int, retries: int, seconds: float) -> None:
        with self._lock:
            so_far = self._traffic
            self._traffic = Traffic(
                so_far.requests + requests, so_far.retries + retries, so_far.seconds + seconds
            )


@dataclass(slots=True)
class _Flight:
    """One attempt that is under way."""

    ticket: Ticket
    attempt: int
    generation: int
    """Of the credentials that it was sent with."""


class _Batch(Generic[T]):
    """The state of one `exchange`."""

    def __init__(
        self,
        client: HttpClient,
        transfers: Transfers,
        doing: str,
        requests: Sequence[Request],
        judge: Callable[[int, Response], T | Failure],
    ) -> None:
        self.sent = 0
        self._client = client
        self._transfers = transfers
        self._doing = doing
        self._requests = requests
        self._judge = judge
        self._attempts = Attempts(client.options.policy, client.stopper)
        self._ready: deque[tuple[int, int]] = deque()
        self._later: list[tuple[float, int, int]] = []
        self._flights: dict[int, _Flight] = {}
        self._answers: dict[int, T] = {}
        self._renewed: set[int] = set()
        self._broken: set[int] = set()
        """Whose last attempt got no answer: not sent again on a connection that was kept, which may
        be as dead as that one."""

    @property
    def retries(self) -> int:
        return self._attempts.retries + len(self._renewed)

    def run(self, attempt: int) -> list[T]:
        self._ready.extend((position, attempt) for position in range(len(self._requests)))
        what = f"{self._client.name}: cannot {self._doing} {len(self._requests)} objects"
        try:
            while len(self._answers) < len(self._requests):
                self._client.stopper.check()
                self._attempts.check_deadline(what)
                wait = self._start()
                if not self._flights:
                    self._client.budget.pause(wait)
                    continue
                for position, outcome, moved in self._transfers.step(wait):
                    self._finish(position, outcome, moved)
        except BaseException:
            self._give_up()
            raise
        return [self._answers[position] for position in range(len(self._requests))]

    def _start(self) -> float:
        """Begin what may begin; return how long to wait for something to happen."""
        wait = _LOOK_AGAIN
        if self._later:
            now = time.monotonic()
            while self._later and self._later[0][0] <= now:
                self._ready.append(heapq.heappop(self._later)[1:])
            if self._later:
                wait = min(wait, self._later[0][0] - now)
        while self._ready:
            ticket = self._client.budget.admit(self._requests[self._ready[0][0]].bodies)
            if isinstance(ticket, float):
                return min(wait, ticket)
            self._send(*self._ready.popleft(), ticket)
        return wait

    def _send(self, position: int, attempt: int, ticket: Ticket) -> None:
        request = self._requests[position]
        self._flights[position] = flight = _Flight(ticket, attempt, 0)
        flight.generation, secrets = self._client.options.credentials.current()
        lines = (*secrets, *request.headers, _NO_EXPECT)
        self._transfers.start(position, request, lines, fresh=position in self._broken)
        self.sent += 1

    def _finish(self, position: int, outcome: Response | Failure, moved: int) -> None:
        flight = self._flights[position]
        answer: T | Failure
        self._broken.discard(position)
        if isinstance(outcome, Failure):
            self._broken.add(position)
            answer = outcome
        elif outcome.status in _REFUSED and self._renew(position, flight.generation, outcome):
            del self._flights[position]
            self._client.budget.done(flight.ticket, moved)
            self._ready.append((position, flight.attempt))
            return
        else:
            answer = self._judge(position, outcome)
        # Not before, so that its ticket is given back where one of these raises.
        del self._flights[position]
        failure = answer if isinstance(answer, Failure) else None
        self._client.budget.done(flight.ticket, moved, failure)
        if isinstance(answer, Failure):
            self._again(position, flight.attempt, answer)
        else:
            self._answers[position] = answer

    def _renew(self, position: int, generation: int, refusal: Response) -> bool:
        """Tell whether a refused request is worth sending once more, with other credentials."""
        credentials = self._client.options.credentials
        if position in self._renewed or not credentials.renew(generation, refusal):
            return False
        self._renewed.add(position)
        return True

    def _again(self, position: int, attempt: int, failure: Failure) -> None:
        wait = self._attempts.next_wait(failure, attempt)
        if isinstance(wait, GiveUp):
            url = shown_url(self._requests[position].url)
            raise failure.error(
                f"{self._client.name}: cannot {self._doing} {url}: {failure.message}{wait.reason}"
            )
        heapq.heappush(self._later, (time.monotonic() + wait, position, attempt + 1))

    def _give_up(self) -> None:
        self._transfers.abort()
        for flight in self._flights.values():
            self._client.budget.done(flight.ticket, 0)


def shown_url(url: str) -> str:
    """Return a URL without credentials and without what a signed one is signed with."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
