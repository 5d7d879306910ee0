import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

import pytest

from desync_jobs.errors import LockedError
from desync_jobs.server import counting_on
from desync_jobs.server.answers import RefusedError
from desync_jobs.server.counting_on import CountingOn
from desync_jobs.stores.leases.role import Role


@dataclass
class Leased:
    """A lease that is had for as long as `lost` is not said."""

    done: list[str]
    ended: Event
    lost: bool = False
    sure: float = 0.0
    role: Role = Role.WRITER

    def promise(self) -> float:
        if self.lost:
            raise LockedError("store s: this run's lease was lost")
        return self.sure

    def check(self) -> None: ...

    def published(self) -> tuple[str, ...]:
        return ()

    def publishes(self, urls: Sequence[str]) -> None: ...

    def give_back(self) -> None:
        self.done.append("given back")
        self.ended.set()

    def leave(self) -> None:
        self.done.append("left")


@dataclass
class Store:
    """Where leases are taken, each after a while."""

    slow: float = 0.0
    taken: list[Leased] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ended: Event = field(default_factory=Event)

    def take(self) -> Leased:
        time.sleep(self.slow)
        self.taken.append(Leased(self.done, self.ended))
        return self.taken[-1]

    def clients(self, act: Callable[[CountingOn], Awaitable[None]], lasting: float = 600) -> None:
        async def run() -> None:
            with ThreadPoolExecutor(2) as executor:
                clients = CountingOn(self.take, lasting, executor, self.said.append)
                await act(clients)
                clients.close()

        asyncio.run(run())


def test_many_requests_have_one_lease_which_outlasts_the_server() -> None:
    store = Store(slow=0.05)

    async def act(clients: CountingOn) -> None:
        async def one() -> None:
            async with clients.request():
                await asyncio.sleep(0.01)

        await asyncio.gather(*(one() for _ in range(20)))

    store.clients(act)

    assert len(store.taken) == 1
    assert store.done == ["left"]


def test_a_request_that_waits_for_too_long_is_refused_and_the_next_one_has_the_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting_on, "PATIENCE", 0.05)
    store = Store(slow=0.3)

    async def act(clients: CountingOn) -> None:
        with pytest.raises(RefusedError, match="try again later") as raised:
            async with clients.request():
                pytest.fail("it has no lease")
        assert raised.value.status == 503
        await asyncio.sleep(0.4)
        async with clients.request():
            pass

    store.clients(act)

    assert len(store.taken) == 1


def test_a_request_under_which_the_lease_was_lost_is_refused() -> None:
    store = Store()

    async def act(clients: CountingOn) -> None:
        with pytest.raises(RefusedError):
            async with clients.request():
                store.taken[0].lost = True
        async with clients.request():
            pass

    store.clients(act)

    assert store.said == ["store s: this run's lease was lost"]
    assert len(store.taken) == 2
    assert store.done == ["left", "left"]


def test_a_lease_is_given_back_when_nobody_came_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting_on, "_LEAST", 0.01)
    store = Store()

    async def act(clients: CountingOn) -> None:
        async with clients.request():
            await asyncio.sleep(0.2)
            assert store.done == []
        await asyncio.wait_for(asyncio.to_thread(store.ended.wait), 20)

    store.clients(act, lasting=0.05)

    assert store.done == ["given back"]
