import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkMissingError, DesyncRunError, StoreError
from desync_jobs.server.batching import BATCH, Batcher

IDS = [bytes([number]) * 32 for number in range(200)]

Answer = str | DesyncRunError


class Asked:
    """Answers `name of the ID`, and notes what was asked for together."""

    def __init__(self) -> None:
        self.batches: list[list[ChunkID]] = []
        self.failing: set[ChunkID] = set()
        self.missing: set[ChunkID] = set()
        self.defect: Exception | None = None
        self.started = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    async def begun(self) -> None:
        """Wait until something is being asked for."""
        await asyncio.to_thread(self.started.wait, 20)

    def __call__(self, ids: Sequence[ChunkID]) -> Sequence[Answer]:
        self.batches.append(list(ids))
        self.started.set()
        self.gate.wait(20)
        if self.defect is not None:
            raise self.defect
        if self.failing & set(ids):
            raise StoreError("the store failed")
        return [
            ChunkMissingError(one, "store") if one in self.missing else one.hex() for one in ids
        ]


def batched(
    asked: Asked, work: Callable[["Batcher[str]"], Coroutine[Any, Any, object]], threads: int = 1
) -> object:
    with ThreadPoolExecutor(threads) as executor:

        async def run() -> object:
            return await work(Batcher(asked, executor, threads))

        try:
            return asyncio.run(run())
        finally:
            asked.gate.set()


async def together(batcher: "Batcher[str]", ids: Sequence[ChunkID]) -> list[str | BaseException]:
    return await asyncio.gather(*map(batcher.get, ids), return_exceptions=True)


def test_what_is_wanted_at_once_is_asked_for_together_and_each_thing_once() -> None:
    asked = Asked()
    wanted = [*IDS[:10], *IDS[:10]]
    answers = batched(asked, lambda batcher: together(batcher, wanted))

    assert answers == [one.hex() for one in wanted]
    assert asked.batches == [IDS[:10]]


def test_a_batch_has_a_limit() -> None:
    asked = Asked()
    answers = batched(asked, lambda batcher: together(batcher, IDS))

    assert answers == [one.hex() for one in IDS]
    assert max(map(len, asked.batches)) == BATCH
    assert [one for batch in asked.batches for one in batch] == IDS


def test_no_more_threads_are_used_than_allowed_and_the_rest_waits_in_one_batch() -> None:
    asked = Asked()
    asked.gate.clear()

    async def work(batcher: "Batcher[str]") -> object:
        first = asyncio.gather(batcher.get(IDS[0]))
        await asked.begun()
        later = [asyncio.gather(batcher.get(one)) for one in IDS[1:4]]
        await asyncio.sleep(0.02)
        under_way = list(asked.batches)
        asked.gate.set()
        await asyncio.gather(first, *later)
        return under_way

    assert batched(asked, work) == [[IDS[0]]]
    assert asked.batches == [[IDS[0]], IDS[1:4]]


def test_a_failure_is_that_of_its_chunk_alone() -> None:
    asked = Asked()
    asked.failing = {IDS[2]}
    asked.missing = {IDS[3]}
    answers = batched(asked, lambda batcher: together(batcher, IDS[:5]))

    assert isinstance(answers, list)
    assert [type(one) for one in answers] == [str, str, StoreError, ChunkMissingError, str]


def test_a_defect_reaches_every_client_of_its_batch_and_the_next_is_asked_for() -> None:
    asked = Asked()
    asked.defect = RuntimeError("a defect")

    async def work(batcher: "Batcher[str]") -> object:
        answers = await together(batcher, IDS[:3])
        asked.defect = None
        return [*map(str, answers), await batcher.get(IDS[0])]

    assert batched(asked, work) == ["a defect"] * 3 + [IDS[0].hex()]


def test_a_client_that_goes_away_takes_nobody_else_s_answer_with_it() -> None:
    asked = Asked()
    asked.gate.clear()

    async def work(batcher: "Batcher[str]") -> object:
        gone, stays = (asyncio.create_task(batcher.get(IDS[0])) for _ in range(2))
        await asked.begun()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        asked.gate.set()
        return await stays

    assert batched(asked, work) == IDS[0].hex()
    assert asked.batches == [[IDS[0]]]
