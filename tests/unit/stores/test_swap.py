import gc
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from desync_jobs.core.chunk import ChunkID
from desync_jobs.stores.base import Chunk, Fetched, Presence
from desync_jobs.stores.swap import SwappableSource
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.memory import MemoryStore

CHUNKS = make_chunks(2)
IDS = [chunk.id for chunk in CHUNKS]


class Slow(MemoryStore):
    def __init__(self, name: str) -> None:
        super().__init__(name, CHUNKS)
        self.reached = threading.Event()
        self.let = threading.Event()

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        self.reached.set()
        assert self.let.wait(10)
        return super().fetch(ids)


def test_requests_go_to_the_source_that_was_given_last() -> None:
    source = SwappableSource(MemoryStore("old"))
    before = source.presence(IDS)
    source.swap(MemoryStore("new", CHUNKS))

    assert before == [Presence.NO, Presence.NO]
    assert source.presence(IDS) == [Presence.YES, Presence.YES]
    assert [one.asked for one in source.stored_sizes(IDS)] == [("new",), ("new",)]
    assert source.name == "new"


def test_a_request_under_way_ends_with_the_source_it_began_with() -> None:
    old = Slow("old")
    source = SwappableSource(old)
    with ThreadPoolExecutor(1) as threads:
        begun = threads.submit(source.fetch, IDS)
        assert old.reached.wait(10)
        source.swap(MemoryStore("new"))
        old.let.set()
        answers = begun.result(10)

    assert all(isinstance(answer, Chunk) for answer in answers)
    assert source.counts()["old"].chunks == len(IDS)


def test_a_source_is_dropped_after_its_last_request_and_stays_counted() -> None:
    old = MemoryStore("old", CHUNKS)
    source = SwappableSource(old)
    source.fetch(IDS)
    source.swap(MemoryStore("new", CHUNKS))
    gone = weakref.ref(old)
    del old
    gc.collect()
    source.fetch(IDS[:1])

    assert gone() is None
    assert {name: one.chunks for name, one in source.counts().items()} == {"old": 2, "new": 1}


def test_the_same_source_may_be_given_again() -> None:
    store = MemoryStore("store", CHUNKS)
    source = SwappableSource(store)
    source.swap(store)
    source.fetch(IDS)

    assert source.counts()["store"].chunks == len(IDS)


def test_no_request_is_lost_while_sources_are_exchanged() -> None:
    source = SwappableSource(MemoryStore("store-0", CHUNKS))
    stop = threading.Event()

    def swap() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            source.swap(MemoryStore(f"store-{number % 3}", CHUNKS))

    swapping = threading.Thread(target=swap)
    swapping.start()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: source.fetch(IDS), range(2000)))
    stop.set()
    swapping.join()

    assert all(isinstance(one, Chunk) for batch in answers for one in batch)
    assert sum(one.chunks for one in source.counts().values()) == 2000 * len(IDS)
