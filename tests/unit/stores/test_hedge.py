import threading
import time
from collections.abc import Sequence

import pytest

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkMissingError, StoreError
from desync_jobs.stores.base import Chunk, ChunkSource, Fetched, Presence, StoredSize
from desync_jobs.stores.hedge import HedgedSource
from desync_jobs.stores.tolerant import TolerantSource
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.faulty import Fault, FaultyStore
from desync_jobs.testing.memory import MemoryStore

CHUNKS = make_chunks(3)
IDS = [chunk.id for chunk in CHUNKS]


class Slow(MemoryStore):
    """Answers `fetch` when it is let."""

    def __init__(self, name: str, chunks: Sequence[Chunk] = CHUNKS) -> None:
        super().__init__(name, chunks)
        self.let = threading.Event()

    def fetch(self, ids: Sequence[ChunkID]) -> list[Fetched]:
        assert self.let.wait(10)
        return super().fetch(ids)


def down(name: str) -> FaultyStore:
    return FaultyStore(MemoryStore(name), [Fault("fetch", 1, StoreError(f"store {name}: is down"))])


def hedged(first: ChunkSource, rest: ChunkSource, seconds: float = 0.02) -> HedgedSource:
    return HedgedSource(first, rest, seconds)


def test_a_store_that_answers_in_time_is_asked_alone() -> None:
    rest = FaultyStore(MemoryStore("rest", CHUNKS))

    answers = hedged(MemoryStore("first", CHUNKS), rest, 5).fetch(IDS)

    assert all(isinstance(answer, Chunk) for answer in answers)
    assert rest.calls == []


def test_a_slow_store_is_overtaken_by_the_others() -> None:
    first = Slow("first")
    began = time.monotonic()
    answers = hedged(first, MemoryStore("rest", CHUNKS)).fetch(IDS)
    seconds = time.monotonic() - began
    first.let.set()

    assert all(isinstance(answer, Chunk) for answer in answers)
    assert 0.02 <= seconds < 5


def test_a_slow_store_may_still_be_the_first() -> None:
    first, rest = Slow("first"), Slow("rest")
    threading.Timer(0.1, first.let.set).start()
    answers = hedged(first, rest).fetch(IDS)
    rest.let.set()

    assert all(isinstance(answer, Chunk) for answer in answers)
    assert first.counts()["first"].chunks == len(IDS)


def test_what_the_first_store_lacks_comes_from_the_others() -> None:
    rest = MemoryStore("rest", CHUNKS[1:])
    source = hedged(MemoryStore("first", CHUNKS[:1]), rest, 5)

    assert all(isinstance(answer, Chunk) for answer in source.fetch(IDS))
    assert rest.counts()["rest"].requests == 2
    assert source.presence(IDS) == [Presence.YES] * 3
    assert source.stored_sizes(IDS[1:2])[0].asked == ("first", "rest")
    assert source.stored_sizes(IDS[1:2])[0].presence is Presence.YES


def test_nobody_knows_before_who_will_be_faster() -> None:
    source = hedged(MemoryStore("first", CHUNKS), MemoryStore("rest", CHUNKS))

    assert source.stored_sizes(IDS[:1]) == [StoredSize(Presence.UNKNOWN, ("first",))]


def test_what_each_has_a_part_of_is_put_together() -> None:
    first = Slow("first", CHUNKS[:2])
    threading.Timer(0.1, first.let.set).start()

    answers = hedged(first, MemoryStore("rest", CHUNKS[1:2])).fetch(IDS)

    assert [type(answer) for answer in answers] == [Chunk, Chunk, ChunkMissingError]
    assert str(answers[2]) == f"chunk {IDS[2].hex()} is missing from first, rest"


def test_the_error_of_a_store_in_time_is_told_and_the_others_are_not_asked() -> None:
    rest = FaultyStore(MemoryStore("rest", CHUNKS))

    with pytest.raises(StoreError, match="store first: is down"):
        hedged(down("first"), rest, 5).fetch(IDS)
    assert rest.calls == []


def test_a_store_that_may_be_passed_over_is() -> None:
    first = TolerantSource(down("first"), print)

    answers = hedged(first, MemoryStore("rest", CHUNKS), 5).fetch(IDS)

    assert all(isinstance(answer, Chunk) for answer in answers)


def test_the_error_of_who_was_asked_second_is_no_matter_where_the_first_has_all() -> None:
    first = Slow("first")
    threading.Timer(0.1, first.let.set).start()

    answers = hedged(first, down("rest")).fetch(IDS)

    assert all(isinstance(answer, Chunk) for answer in answers)
