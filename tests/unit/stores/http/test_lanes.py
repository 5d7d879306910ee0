"""How many connections many threads open, and who waits for whom."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from threading import Event

import pytest

from desync_jobs.errors import InterruptedRunError
from desync_jobs.stores.http.lanes import Lanes
from desync_jobs.stores.http.options import HttpOptions, Setup
from desync_jobs.stores.http.transfers import Transfers
from desync_jobs.stores.policy.values import NeverStopped
from tests.servers.http_places import QUICK, http_place
from tests.servers.scripted import Reply, scripted_server

NAMES = [f"{number:04x}" for number in range(64)]


class Waiting(NeverStopped):
    """Notes that somebody waits, and stops who waits where it is told to."""

    def __init__(self) -> None:
        self.seen = Event()
        self.stop = False

    def check(self) -> None:
        self.seen.set()
        if self.stop:
            raise InterruptedRunError("SIGINT")


@pytest.fixture
def made() -> list[Transfers]:
    return []


@pytest.fixture
def lanes(made: list[Transfers]) -> Lanes:
    setup = Setup(HttpOptions())

    def make() -> Transfers:
        made.append(Transfers(setup, 64))
        return made[-1]

    return Lanes(make, 64)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_a_batch_waits_while_others_want_more_than_may_be_in_flight(
    lanes: Lanes, made: list[Transfers], threads: ThreadPoolExecutor
) -> None:
    waiting = Waiting()

    def take() -> Transfers:
        with lanes.taken(64, waiting) as transfers:
            return transfers

    with lanes.taken(64, waiting), ExitStack() as second:
        released = second.enter_context(lanes.taken(64, waiting))
        third = threads.submit(take)
        assert waiting.seen.wait(20)
        assert not third.done()
        second.close()

        assert third.result(20) is released
    assert len(made) == 2


def test_a_small_batch_waits_behind_a_large_one_that_came_before(
    lanes: Lanes, threads: ThreadPoolExecutor
) -> None:
    large, small = Waiting(), Waiting()
    order = []

    def take(requests: int, waiting: Waiting) -> None:
        with lanes.taken(requests, waiting):
            order.append(requests)

    with lanes.taken(64, large), lanes.taken(1, large):
        first = threads.submit(take, 64, large)
        assert large.seen.wait(20)
        second = threads.submit(take, 1, small)
        assert small.seen.wait(20)
    first.result(20)
    second.result(20)

    assert order == [64, 1]


def test_who_waits_for_a_turn_is_stopped_and_others_go_on(
    lanes: Lanes, threads: ThreadPoolExecutor
) -> None:
    waiting = Waiting()

    def take() -> None:
        with lanes.taken(64, waiting):
            pass

    with lanes.taken(64, NeverStopped()), lanes.taken(64, NeverStopped()):
        stopped = threads.submit(take)
        assert waiting.seen.wait(20)
        waiting.stop = True
        with pytest.raises(InterruptedRunError):
            stopped.result(20)
    with lanes.taken(64, waiting):
        pass


def test_a_batch_of_more_than_may_be_in_flight_has_its_turn(lanes: Lanes) -> None:
    with lanes.taken(1000, NeverStopped()), lanes.taken(64, NeverStopped()):
        pass


def test_many_threads_open_no_more_connections_than_may_be_in_flight_and_one_batch() -> None:
    with scripted_server(otherwise=Reply(body=b"content")) as server:
        place = http_place(server.url, replace(QUICK, concurrency=64))
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: place.get(NAMES, 100), range(24)))

        assert answers == [[b"content"] * 64] * 24
        assert server.connections <= 128
        assert server.most_at_once <= 64
