from typing import NoReturn

import pytest

from desync_jobs.errors import InterruptedRunError, StoreError
from desync_jobs.stores.policy.retry import Attempts, Failure, Fault, GiveUp, fault_of_status
from desync_jobs.stores.policy.values import NeverStopped, Policy

BROKEN = Failure("it broke", Fault.TRANSIENT)


class Clock(NeverStopped):
    """A clock that pauses move, and nothing else."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.stop_after: int | None = None

    def __call__(self) -> float:
        return self.now

    def check(self) -> None:
        if self.stop_after is not None and len(self.pauses) >= self.stop_after:
            raise InterruptedRunError("SIGINT")

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)
        self.check()


def longest(low: float, high: float) -> float:
    assert low == 0.0
    return high


def attempts(policy: Policy, clock: Clock) -> Attempts:
    return Attempts(policy, clock, clock, longest)


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.PERMANENT),
        (401, Fault.PERMANENT),
        (403, Fault.PERMANENT),
        (404, Fault.PERMANENT),
        (408, Fault.TRANSIENT),
        (423, Fault.TRANSIENT),
        (429, Fault.OVERLOAD),
        (500, Fault.TRANSIENT),
        (503, Fault.OVERLOAD),
        (599, Fault.TRANSIENT),
        (600, Fault.PERMANENT),
        (301, Fault.PERMANENT),
    ],
)
def test_each_status_has_its_fault(status: int, fault: Fault) -> None:
    assert fault_of_status(status) is fault


def test_waits_double_up_to_the_longest() -> None:
    policy = Policy(attempts=9, backoff=0.5, backoff_max=6.0)
    tried = attempts(policy, Clock())

    waits = [tried.next_wait(BROKEN, attempt) for attempt in range(1, 10)]

    assert waits[:-1] == [0.5, 1.0, 2.0, 4.0, 6.0, 6.0, 6.0, 6.0]
    assert waits[-1] == GiveUp(" (attempt 9 of 9)")
    assert tried.retries == 8


def test_a_thousand_attempts_are_possible() -> None:
    policy = Policy(attempts=5000, backoff=0.5)

    assert attempts(policy, Clock()).next_wait(BROKEN, 4999) == 30.0


def test_jitter_is_drawn_from_nothing_to_the_whole_wait() -> None:
    tried = Attempts(Policy(attempts=1000, backoff=8.0, backoff_max=8.0), NeverStopped())

    waits = [tried.next_wait(BROKEN, 3) for _ in range(500)]

    drawn = [wait for wait in waits if isinstance(wait, float)]
    assert len(drawn) == 500
    assert min(drawn) < 0.5
    assert 7.5 < max(drawn) <= 8.0


def test_a_permanent_failure_ends_at_once() -> None:
    failure = Failure("no", Fault.PERMANENT, retry_after=1.0)

    assert attempts(Policy(), Clock()).next_wait(failure, 1) == GiveUp("")


def test_a_place_is_waited_for_as_long_as_it_asks() -> None:
    failure = Failure("busy", Fault.OVERLOAD, retry_after=7.0)

    assert attempts(Policy(backoff_max=7.0), Clock()).next_wait(failure, 1) == 7.0


def test_a_place_that_asks_for_too_long_is_given_up() -> None:
    failure = Failure("busy", Fault.OVERLOAD, retry_after=3600.0)

    assert attempts(Policy(), Clock()).next_wait(failure, 1) == GiveUp(
        " (it asks to come back in 3600 s, and waiting is limited to 30 s)"
    )


def test_nothing_is_waited_for_past_the_deadline() -> None:
    clock = Clock()
    tried = attempts(Policy(attempts=10, backoff=4.0, deadline=10.0), clock)

    waits = []
    for attempt in (1, 2):
        waits.append(tried.next_wait(BROKEN, attempt))
        clock.now += 4.0

    assert waits == [4.0, GiveUp(" (no time is left of 10.0 s)")]
    tried.check_deadline("store origin")
    clock.now += 2.0
    with pytest.raises(StoreError, match=r"^store origin: not done within 10.0 s$"):
        tried.check_deadline("store origin")


def failing(times: int, error: Exception) -> list[Exception | None]:
    return [error] * times + [None]


def broken(error: Exception) -> Failure:
    if not isinstance(error, OSError):
        raise error
    return Failure(str(error), Fault.TRANSIENT)


def test_a_call_is_made_until_it_succeeds() -> None:
    clock = Clock()
    script = failing(2, OSError("broken"))

    def call() -> str:
        error = script.pop(0)
        if error is not None:
            raise error
        return "done"

    assert attempts(Policy(), clock).run("store s: cannot read x", call, broken) == "done"
    assert clock.pauses == [0.5, 1.0]


def raising(error: Exception) -> NoReturn:
    raise error


def test_a_call_that_fails_to_the_last_is_told_with_its_cause() -> None:
    clock = Clock()
    cause = OSError("broken")

    with pytest.raises(StoreError) as caught:
        attempts(Policy(), clock).run("store s: cannot read x", lambda: raising(cause), broken)

    assert str(caught.value) == "store s: cannot read x: broken (attempt 3 of 3)"
    assert caught.value.__cause__ is cause
    assert len(clock.pauses) == 2


def test_what_is_no_failure_of_the_place_is_raised_as_it_is() -> None:
    clock = Clock()

    with pytest.raises(KeyError):
        attempts(Policy(), clock).run("x", lambda: raising(KeyError("defect")), broken)

    assert clock.pauses == []


def test_a_wait_between_attempts_is_stopped() -> None:
    clock = Clock()
    clock.stop_after = 1

    with pytest.raises(InterruptedRunError):
        attempts(Policy(attempts=9), clock).run("x", lambda: raising(OSError("broken")), broken)

    assert clock.pauses == [0.5]


def test_large_bodies_have_more_time() -> None:
    policy = Policy(timeout=60.0)

    assert policy.time_for(0) == policy.time_for((8 << 20) - 1) == 60.0
    assert policy.time_for(80 << 20) == 660.0
