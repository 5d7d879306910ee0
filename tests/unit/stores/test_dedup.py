import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkMissingError, StoreError
from desync_jobs.stores.base import Chunk, Fetched, Presence, Stored
from desync_jobs.stores.dedup import DedupSource, DedupStore
from desync_jobs.testing.chunks import make_chunk, make_chunks
from desync_jobs.testing.faulty import Fault, FaultyStore
from desync_jobs.testing.memory import MemoryStore

T = TypeVar("T")

CHUNKS = make_chunks(3)
IDS = [chunk.id for chunk in CHUNKS]


class Gated(MemoryStore):
    """Says that it was asked, and answers when it is let."""

    def __init__(self, chunks: Sequence[Chunk] = CHUNKS) -> None:
        super().__init__("gated", chunks)
        self.asked: list[list[ChunkID]] = []
        self.reached = threading.Event()
        self.let = threading.Event()

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        self._wait(ids)
        return super().fetch(ids)

    def put(self, chunks: Sequence[Chunk]) -> Stored:
        self._wait([chunk.id for chunk in chunks])
        return super().put(chunks)

    def _wait(self, ids: Sequence[ChunkID]) -> None:
        self.asked.append(list(ids))
        self.reached.set()
        assert self.let.wait(10)


def at_once(threads: ThreadPoolExecutor, count: int, call: Callable[[], T]) -> list["Future[T]"]:
    begun = threading.Barrier(count)

    def one() -> T:
        begun.wait(10)
        return call()

    return [threads.submit(one) for _ in range(count)]


def test_answers_errors_and_presence_pass_through() -> None:
    source = DedupSource(MemoryStore(chunks=CHUNKS[:1]))

    first, second, again = source.fetch([IDS[0], IDS[1], IDS[0]])

    assert isinstance(first, Chunk)
    assert first.plain == CHUNKS[0].plain
    assert isinstance(second, ChunkMissingError)
    assert again is first
    assert source.presence(IDS[:2]) == [Presence.YES, Presence.NO]
    assert source.counts()["memory"].requests == 2
    assert [one.presence for one in source.stored_sizes(IDS[:2])] == [Presence.YES, Presence.NO]


def test_ten_callers_at_once_cause_one_request() -> None:
    store = Gated()
    source = DedupSource(store)
    with ThreadPoolExecutor(10) as threads:
        futures = at_once(threads, 10, lambda: source.fetch(IDS[:1]))
        assert store.reached.wait(10)
        # All the others wait for the first, however late they come.
        threading.Timer(0.1, store.let.set).start()
        answers = [future.result(10)[0] for future in futures]

    assert store.asked == [IDS[:1]]
    assert {bytes(answer.plain) for answer in answers if isinstance(answer, Chunk)} == {
        CHUNKS[0].plain
    }


def test_only_what_nobody_asks_for_is_asked_for() -> None:
    store = Gated()
    source = DedupSource(store)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(source.fetch, IDS[:2])
        assert store.reached.wait(10)
        store.reached.clear()
        second = threads.submit(source.fetch, IDS)
        assert store.reached.wait(10)
        store.let.set()
        found = [answer.id for answer in second.result(10) if isinstance(answer, Chunk)]

    assert len(first.result()) == 2
    assert store.asked == [IDS[:2], IDS[2:]]
    assert found == IDS


def test_who_waits_gets_the_same_error_and_later_requests_ask_again() -> None:
    faults = [Fault("fetch", 1, StoreError("store memory: is down"))]
    store = FaultyStore(MemoryStore(chunks=CHUNKS), faults)
    source = DedupSource(store)

    with pytest.raises(StoreError, match="is down"):
        source.fetch(IDS)
    assert len(source.fetch(IDS)) == len(IDS)
    assert [call.items for call in store.calls] == [3, 3]


def test_chunks_put_at_once_are_put_once() -> None:
    inner = Gated([])
    store = DedupStore(inner)
    with ThreadPoolExecutor(5) as threads:
        futures = at_once(threads, 5, lambda: store.put(CHUNKS[:1]))
        assert inner.reached.wait(10)
        threading.Timer(0.1, inner.let.set).start()
        stored = [future.result(10) for future in futures]

    assert inner.asked == [IDS[:1]]
    assert stored == [Stored(1, len(CHUNKS[0].plain))] * 5


def test_reading_what_is_being_stored_gives_what_is_stored() -> None:
    inner = Gated([])
    store = DedupStore(inner)
    with ThreadPoolExecutor(2) as threads:
        putting = threads.submit(store.put, CHUNKS[:1])
        assert inner.reached.wait(10)
        (answer,) = store.fetch(IDS[:1])
        inner.let.set()
        putting.result(10)

    assert isinstance(answer, Chunk)
    assert answer.plain == CHUNKS[0].plain
    assert inner.asked == [IDS[:1]]


def test_storing_does_not_wait_for_a_reader_of_the_same_chunk() -> None:
    inner = Gated([])
    store = DedupStore(inner)
    with ThreadPoolExecutor(2) as threads:
        reading = threads.submit(store.fetch, IDS[:1])
        assert inner.reached.wait(10)
        inner.reached.clear()
        putting = threads.submit(store.put, CHUNKS[:1])
        assert inner.reached.wait(10)
        inner.let.set()

        assert putting.result(10).chunks == 1
        reading.result(10)


def test_a_failed_put_is_told_to_all_and_forgotten() -> None:
    faults = [Fault("put", 1, StoreError("store memory: is full"))]
    store = DedupStore(FaultyStore(MemoryStore(), faults))

    with pytest.raises(StoreError, match="is full"):
        store.put(CHUNKS[:1])
    assert isinstance(store.fetch(IDS[:1])[0], ChunkMissingError)
    assert store.put([*CHUNKS, make_chunk(b"more")]).chunks == 4
