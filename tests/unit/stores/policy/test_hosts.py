import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from desync_jobs.errors import InterruptedRunError
from desync_jobs.stores.policy.hosts import Budget, Hosts, Ticket
from desync_jobs.stores.policy.limits import Bodies
from desync_jobs.stores.policy.retry import Failure, Fault
from desync_jobs.stores.policy.values import NeverStopped, Policy

OVERLOAD = Failure("busy", Fault.OVERLOAD)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def admitted(budget: Budget) -> list[Ticket]:
    """Take every right there is."""
    tickets = []
    while not isinstance(ticket := budget.admit(), float):
        tickets.append(ticket)
    return tickets


def test_as_many_requests_as_the_policy_says_are_in_flight() -> None:
    budget = Hosts().budget("host", Policy(concurrency=3))
    tickets = admitted(budget)

    assert len(tickets) == 3
    budget.done(tickets[0], 0)
    assert len(admitted(budget)) == 1


def test_overload_halves_what_may_be_in_flight_and_success_raises_it_again() -> None:
    budget = Hosts().budget("host", Policy(concurrency=8))
    for ticket in admitted(budget):
        budget.done(ticket, 0, OVERLOAD)
    tickets = admitted(budget)

    assert len(tickets) == 4
    for ticket in tickets:
        budget.done(ticket, 0)
    assert len(admitted(budget)) == 5


def test_another_failure_leaves_the_number_as_it_is() -> None:
    budget = Hosts().budget("host", Policy(concurrency=8))
    for ticket in admitted(budget):
        budget.done(ticket, 0, Failure("broken", Fault.TRANSIENT))

    assert budget.allowed == 8


def test_processes_that_share_a_host_have_their_part_of_its_rates_each() -> None:
    clock = Clock()
    hosts = Hosts(clock)
    hosts.share(4)
    policy = Policy(concurrency=64, requests_per_second=100.0, bandwidth=1000)
    budget = hosts.budget("host", policy)
    sent = []
    for sharers in (4, 2, 1):
        hosts.share(sharers)
        clock.now += 10.0
        count = 0
        for _ in range(1000):
            clock.now += 0.001
            if not isinstance(ticket := budget.admit(), float):
                budget.done(ticket, 0)
                count += 1
        sent.append(count)

    assert sent == pytest.approx([25, 50, 100], rel=0.2)


def test_places_of_one_host_share_its_rates_and_have_their_own_windows() -> None:
    clock = Clock()
    hosts = Hosts(clock)
    first = hosts.budget("Host:80", Policy(concurrency=2, requests_per_second=10.0))
    second = hosts.budget("host:80", Policy(concurrency=2))
    other = hosts.budget("other:80", Policy(concurrency=2))

    assert not isinstance(first.admit(), float)
    assert second.admit() == pytest.approx(0.1)
    assert len(admitted(other)) == 2
    clock.now = 0.1
    assert not isinstance(second.admit(), float)


def test_of_two_rates_for_one_host_the_lower_holds() -> None:
    clock = Clock()
    hosts = Hosts(clock)
    budget = hosts.budget("host", Policy(bandwidth=1000))
    hosts.budget("host", Policy(bandwidth=100))
    hosts.budget("host", Policy(bandwidth=500))

    ticket = budget.admit()
    assert not isinstance(ticket, float)
    budget.done(ticket, 300)
    assert budget.admit() == pytest.approx(3.0)


def moved_by(budget: Budget, clock: Clock, bodies: Bodies, size: int) -> list[int]:
    """Have `budget` used as fast as it lets, for 20 s; return the bytes of each 2 s window.

    A request takes half a second; its bytes count as it goes out.
    """
    flying: list[tuple[float, Ticket]] = []
    began: list[float] = []
    while clock.now < 20.0:
        while flying and flying[0][0] <= clock.now:
            budget.done(flying.pop(0)[1], size)
        while not isinstance(ticket := budget.admit(bodies), float):
            flying.append((clock.now + 0.5, ticket))
            began.append(clock.now)
        clock.now += 0.01
    return [size * sum(at <= one < at + 2.0 for one in began) for at in began]


@pytest.mark.parametrize(
    ("bodies", "size", "more"),
    [
        (Bodies(sent=50_000), 50_000, 150_000),
        (Bodies(most=200_000), 50_000, 150_000),
        # Smaller than expected: what was set aside for them comes back half a second later.
        (Bodies(most=200_000), 10_000, 300_000),
        # Twice as large as expected: known when the first have come, after half a second.
        (Bodies(most=200_000), 100_000, 700_000),
    ],
)
def test_many_requests_at_once_obey_the_rate_of_bytes_from_the_first(
    bodies: Bodies, size: int, more: int
) -> None:
    clock = Clock()
    budget = Hosts(clock).budget("host", Policy(concurrency=64, bandwidth=1_000_000))
    windows = moved_by(budget, clock, bodies, size)

    assert max(windows) <= 2_000_000 + more
    assert windows[len(windows) // 2] >= 1_800_000


def test_what_streams_in_is_paced_as_it_comes() -> None:
    class Watch(NeverStopped):
        def pause(self, seconds: float) -> None:
            clock.now += seconds

    clock = Clock()
    budget = Hosts(clock).budget("host", Policy(bandwidth=1000))
    with budget.request(Watch(), failed):
        for _ in range(8):
            budget.pace(500, Watch())

    assert clock.now == pytest.approx(4.0)


def test_a_host_that_asks_to_wait_is_left_alone_by_all_its_places() -> None:
    clock = Clock()
    hosts = Hosts(clock)
    budget, other = (hosts.budget("host", Policy(backoff_max=20.0)) for _ in range(2))
    ticket = budget.admit()
    assert not isinstance(ticket, float)

    budget.done(ticket, 0, Failure("busy", Fault.OVERLOAD, retry_after=5.0))

    assert other.admit() == pytest.approx(5.0)
    clock.now = 5.0
    assert not isinstance(other.admit(), float)


def failed(error: Exception) -> Failure:
    return Failure(str(error), Fault.OVERLOAD)


def test_threads_take_turns() -> None:
    budget = Budget(Policy(concurrency=2))
    now = most = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal now, most
        for _ in range(5):
            with budget.request(NeverStopped(), failed):
                with lock:
                    now += 1
                    most = max(most, now)
                time.sleep(0.001)
                with lock:
                    now -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 2


def test_a_call_that_fails_gives_its_right_back_and_lowers_the_number() -> None:
    budget = Budget(Policy(concurrency=8))

    with pytest.raises(OSError, match="busy"), budget.request(NeverStopped(), failed):
        raise OSError("busy")

    assert len(admitted(budget)) == 4


def test_who_waits_for_a_right_can_be_stopped() -> None:
    class Stopped(NeverStopped):
        looks = 0

        def check(self) -> None:
            self.looks += 1
            if self.looks == 3:
                raise InterruptedRunError("SIGINT")

    budget = Budget(Policy(concurrency=1))
    admitted(budget)

    with pytest.raises(InterruptedRunError), budget.request(Stopped(), failed):
        raise AssertionError("not reached")


def test_who_pauses_goes_on_when_a_right_is_given_back() -> None:
    budget = Budget(Policy(concurrency=1))
    ticket = budget.admit()
    assert not isinstance(ticket, float)
    with ThreadPoolExecutor(1) as threads:
        paused = threads.submit(budget.pause, 3600.0)
        while not paused.done():
            budget.done(ticket, 0)
            ticket = budget.admit()
            assert not isinstance(ticket, float)
