import pytest

from desync_jobs.codecs.form import Form
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError, StoreError
from desync_jobs.stores.base import Chunk, Fetched, Presence, StoredSize
from desync_jobs.stores.cached import CachedStore
from desync_jobs.stores.counters import Counts
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.faulty import Call, Fault, FaultyStore
from desync_jobs.testing.memory import MemoryStore

A, B, C = make_chunks(3)


def plain(answers: list[Fetched]) -> list[bytes]:
    return [bytes(answer.plain) for answer in answers if isinstance(answer, Chunk)]


def test_what_the_cache_lacks_is_fetched_once_and_kept() -> None:
    cache, origin = MemoryStore("cache", [A]), FaultyStore(MemoryStore("origin", [A, B, C]))
    cached = CachedStore(cache, origin)

    first = cached.fetch([C.id, A.id, B.id])
    second = cached.fetch([A.id, B.id, C.id])

    assert plain(first) == [C.plain, A.plain, B.plain]
    assert plain(second) == [A.plain, B.plain, C.plain]
    assert origin.calls == [Call("fetch", 2)]
    assert set(cache.plain) == {A.id, B.id, C.id}
    assert cached.counts() == {
        "cache": Counts(4, 8000, 6, 2, 4000, plain_bytes=8000),
        "origin": Counts(2, 4000, 2, plain_bytes=4000),
    }


def test_a_chunk_that_nobody_has_is_missing_from_upstream() -> None:
    cached = CachedStore(MemoryStore("cache"), MemoryStore("origin"))

    (answer,) = cached.fetch([A.id])

    assert isinstance(answer, ChunkMissingError)
    assert answer.store == "origin"


def test_a_damaged_chunk_of_the_cache_is_fetched_again_and_replaced() -> None:
    cache = MemoryStore("cache", [A])
    cache.plain[A.id] = b"garbage"
    cached = CachedStore(cache, MemoryStore("origin", [A]))

    answers = cached.fetch([A.id])

    assert plain(answers) == [A.plain]
    assert cache.plain[A.id] == A.plain


def test_a_damaged_chunk_of_the_cache_is_the_answer_without_repair() -> None:
    cache = MemoryStore("cache", [A])
    cache.plain[A.id] = b"garbage"
    origin = FaultyStore(MemoryStore("origin", [A]))

    (answer,) = CachedStore(cache, origin, repair=False).fetch([A.id])

    assert isinstance(answer, ChunkInvalidError)
    assert answer.store == "cache"
    assert origin.calls == []
    assert cache.plain[A.id] == b"garbage"


def test_a_damaged_chunk_of_upstream_is_never_cached() -> None:
    cache, origin = MemoryStore("cache"), MemoryStore("origin", [A])
    origin.plain[A.id] = b"garbage"

    (answer,) = CachedStore(cache, origin).fetch([A.id])

    assert isinstance(answer, ChunkInvalidError)
    assert answer.store == "origin"
    assert cache.plain == {}


@pytest.mark.parametrize("verb", ["put", "replace", "prepare"])
def test_a_cache_that_cannot_be_written_fails_the_request(verb: str) -> None:
    cache = MemoryStore("cache", [A])
    cache.plain[A.id] = b"garbage"
    error = StoreError("store cache: full")
    faulty = FaultyStore(
        cache, [Fault("put", 1, error), Fault("replace", 1, error), Fault("prepare", 1, error)]
    )
    cached = CachedStore(faulty, MemoryStore("origin", [A, B]))

    with pytest.raises(StoreError, match="store cache: full"):
        cached.fetch([A.id] if verb == "replace" else [B.id])


def test_an_error_of_upstream_is_told() -> None:
    origin = FaultyStore(MemoryStore("origin"), [Fault("fetch", 1, StoreError("down"))])

    with pytest.raises(StoreError, match="down"):
        CachedStore(MemoryStore("cache"), origin).fetch([A.id])


def test_presence_is_that_of_either() -> None:
    cached = CachedStore(MemoryStore("cache", [A]), MemoryStore("origin", [B]))

    assert cached.presence([A.id, B.id, C.id]) == [Presence.YES, Presence.YES, Presence.NO]


def test_sizes_tell_what_the_cache_has_from_what_is_fetched() -> None:
    cached = CachedStore(MemoryStore("cache", [A]), MemoryStore("origin", [A, B]))

    assert cached.stored_sizes([B.id, A.id, C.id]) == [
        StoredSize(Presence.YES, ("cache", "origin"), len(B.plain), Form.PLAIN),
        StoredSize(Presence.YES, ("cache",), len(A.plain), Form.PLAIN),
        StoredSize(Presence.NO, ("cache", "origin")),
    ]
