import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import ChunkID
from desync_jobs.core.kernel import best
from desync_jobs.stores.base import Chunk
from desync_jobs.stores.cached import CachedStore
from desync_jobs.stores.eviction import SizeLimit
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.layout import chunk_name
from desync_jobs.stores.local import LocalStore
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.faulty import FaultyStore
from desync_jobs.testing.memory import MemoryStore

SIZE = 2000
CHUNKS = make_chunks(10, SIZE)
IDS = [chunk.id for chunk in CHUNKS]


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


@pytest.fixture
def cache(root: str) -> LocalStore:
    return LocalStore("cache", root, Reader(best()), ChunkForms(Form.PLAIN))


def age(root: str, chunks: list[Chunk], began: float = 1000.0) -> None:
    """Let each of `chunks` be a second younger than the one before."""
    for number, chunk in enumerate(chunks):
        os.utime(f"{root}/{chunk_name(chunk.id, '')}", (began + number, began + number))


def held(store: LocalStore) -> set[ChunkID]:
    return {entry.id for entry in store.entries()}


def test_nothing_is_removed_below_the_limit(cache: LocalStore) -> None:
    limit = SizeLimit(cache, 10 * SIZE)
    limit.grown(cache.put(CHUNKS).size)

    assert len(held(cache)) == len(CHUNKS)
    assert limit.evicted == 0


def test_what_was_not_used_for_longest_makes_room(cache: LocalStore, root: str) -> None:
    cache.put(CHUNKS[:9])
    age(root, CHUNKS[:9])
    limit = SizeLimit(cache, 8 * SIZE)

    limit.grown(cache.put(CHUNKS[9:]).size)

    # Down to nine tenths of eight chunks, which is seven.
    assert held(cache) == set(IDS[3:])
    assert limit.evicted == 3


def test_a_chunk_served_from_the_cache_counts_as_used(cache: LocalStore, root: str) -> None:
    cache.put(CHUNKS[:8])
    age(root, CHUNKS[:8])
    origin = MemoryStore("origin", CHUNKS)
    cached = CachedStore(cache, origin, SizeLimit(cache, 8 * SIZE))

    cached.fetch(IDS[:2])
    answers = cached.fetch(IDS[8:])

    assert all(isinstance(answer, Chunk) for answer in answers)
    assert set(IDS[:2]) | set(IDS[8:]) <= held(cache)
    assert not {IDS[2], IDS[3], IDS[4]} & held(cache)


def test_a_cache_smaller_than_a_batch_still_serves(cache: LocalStore) -> None:
    cached = CachedStore(cache, MemoryStore("origin", CHUNKS), SizeLimit(cache, SIZE))

    for _ in range(2):
        answers = cached.fetch(IDS)
        assert [answer.plain for answer in answers if isinstance(answer, Chunk)] == [
            chunk.plain for chunk in CHUNKS
        ]
    assert len(held(cache)) <= 1


def test_what_was_there_before_the_run_counts(cache: LocalStore, root: str) -> None:
    cache.put(CHUNKS[:6])
    age(root, CHUNKS[:6])
    limit = SizeLimit(cache, 5 * SIZE)

    limit.grown(cache.put(CHUNKS[6:7]).size)

    assert held(cache) == set(IDS[3:7])


def test_the_cache_is_not_listed_while_it_is_small() -> None:
    store = FaultyStore(MemoryStore("cache"))
    limit = SizeLimit(store, 100 * SIZE)
    for chunk in CHUNKS:
        limit.grown(store.put([chunk]).size)
    limit.grown(0)

    assert [call.verb for call in store.calls].count("entries") == 1


def test_touching_what_is_gone_is_no_error(cache: LocalStore) -> None:
    cache.put(CHUNKS[:1])
    fetched = [one for one in cache.fetch(IDS[:1]) if isinstance(one, Chunk)]
    cache.remove(next(iter(cache.entries())))

    cache.touch(fetched)
    assert held(cache) == set()


@pytest.fixture
def readers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


def test_many_readers_of_a_small_cache_get_what_they_ask_for(
    cache: LocalStore, readers: ThreadPoolExecutor
) -> None:
    cached = CachedStore(cache, MemoryStore("origin", CHUNKS), SizeLimit(cache, 3 * SIZE))
    asked = [IDS[at % 7 : at % 7 + 3] for at in range(200)]

    for wanted, answers in zip(asked, readers.map(cached.fetch, asked), strict=True):
        assert [one.id for one in answers if isinstance(one, Chunk)] == wanted
    assert len(held(cache)) <= 3


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_holds_nothing_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        SizeLimit(MemoryStore(), limit)
