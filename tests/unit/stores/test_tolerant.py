import pytest

from desync_jobs.errors import ChunkMissingError, StoreError
from desync_jobs.stores.base import Chunk, Presence, StoredSize
from desync_jobs.stores.router import StoreRouter
from desync_jobs.stores.tolerant import TolerantSource
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.faulty import Fault, FaultyStore
from desync_jobs.testing.memory import MemoryStore

CHUNKS = make_chunks(2)
IDS = [chunk.id for chunk in CHUNKS]


def down(*calls: int) -> FaultyStore:
    faults = [
        Fault(verb, call, StoreError("store near: is down"))
        for verb in ("fetch", "presence", "stored_sizes")
        for call in calls
    ]
    return FaultyStore(MemoryStore("near"), faults)


def test_a_store_that_fails_is_passed_over_and_told_once() -> None:
    notices: list[str] = []
    near = TolerantSource(down(1, 2), notices.append)
    router = StoreRouter([near, MemoryStore("far", CHUNKS)])

    for _ in range(2):
        assert all(isinstance(answer, Chunk) for answer in router.fetch(IDS))
    assert notices == ["store near: is down; the store is passed over"]


def test_what_only_a_failed_store_may_have_is_not_called_missing() -> None:
    near = TolerantSource(down(1), print)
    router = StoreRouter([near, MemoryStore("far", CHUNKS[:1])])

    with pytest.raises(StoreError, match=r"^store near: is down$"):
        router.fetch(IDS)
    assert isinstance(router.fetch(IDS)[1], ChunkMissingError)


def test_presence_is_unknown_where_a_failed_store_may_have_it() -> None:
    near = TolerantSource(down(1), print)
    router = StoreRouter([near, MemoryStore("far", CHUNKS[:1])])

    assert router.presence(IDS) == [Presence.YES, Presence.UNKNOWN]
    assert router.presence(IDS) == [Presence.YES, Presence.NO]


def test_sizes_are_unknown_where_a_store_fails() -> None:
    near = TolerantSource(down(1), print)
    router = StoreRouter([near, MemoryStore("far", CHUNKS)])

    assert router.stored_sizes(IDS[:1]) == [StoredSize(Presence.UNKNOWN, ("near",))]


def test_every_other_store_that_fails_stops_the_request() -> None:
    far = MemoryStore("far", CHUNKS)

    with pytest.raises(StoreError, match="store near: is down"):
        StoreRouter([down(1), far]).fetch(IDS)
    assert far.counts()["far"].requests == 0


def test_what_a_tolerated_store_did_is_counted() -> None:
    source = TolerantSource(MemoryStore("near", CHUNKS), print)
    source.fetch(IDS)

    assert source.counts()["near"].chunks == len(IDS)
