import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from desync_jobs.errors import StoreError
from desync_jobs.server.syncing import Syncing


class Sync:
    """Counts, waits at a gate, and fails where it is told."""

    def __init__(self) -> None:
        self.count = 0
        self.failing: set[int] = set()
        self.begun = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)

    def __call__(self) -> None:
        self.count += 1
        number = self.count
        self.begun.release()
        self.gate.acquire(timeout=20)
        if number in self.failing:
            raise StoreError(f"sync {number} failed")


def run(sync: Sync, work: Callable[[Syncing], Coroutine[Any, Any, object]]) -> object:
    with ThreadPoolExecutor(2) as executor:

        async def inside() -> object:
            return await work(Syncing(sync, executor))

        return asyncio.run(inside())


async def crowd(sync: Sync, syncing: Syncing) -> list[str]:
    """Have one client come first, and ten while its sync is under way."""
    first = asyncio.create_task(syncing.done())
    await asyncio.to_thread(sync.begun.acquire)
    later = [asyncio.create_task(syncing.done()) for _ in range(10)]
    await asyncio.sleep(0)
    sync.gate.release()
    sync.gate.release()
    answers = await asyncio.gather(first, *later, return_exceptions=True)
    return ["done" if answer is None else str(answer) for answer in answers]


def test_who_comes_during_a_sync_waits_for_the_next_one_together() -> None:
    sync = Sync()

    assert run(sync, lambda syncing: crowd(sync, syncing)) == ["done"] * 11
    assert sync.count == 2


@pytest.mark.parametrize(
    ("failing", "answers"),
    [(1, ["sync 1 failed"] + ["done"] * 10), (2, ["done"] + ["sync 2 failed"] * 10)],
)
def test_a_sync_that_fails_is_an_error_of_those_who_waited_for_it(
    failing: int, answers: list[str]
) -> None:
    sync = Sync()
    sync.failing = {failing}

    assert run(sync, lambda syncing: crowd(sync, syncing)) == answers


def test_one_after_the_other_each_has_a_sync_of_its_own() -> None:
    sync = Sync()
    for _ in range(3):
        sync.gate.release()

    async def work(syncing: Syncing) -> None:
        for _ in range(3):
            await syncing.done()

    run(sync, work)

    assert sync.count == 3


def test_a_client_that_goes_away_takes_nobody_else_s_sync_with_it() -> None:
    sync = Sync()

    async def work(syncing: Syncing) -> None:
        gone, stays = (asyncio.create_task(syncing.done()) for _ in range(2))
        await asyncio.to_thread(sync.begun.acquire)
        gone.cancel()
        sync.gate.release()
        sync.gate.release()
        await stays

    run(sync, work)

    assert sync.count == 2
