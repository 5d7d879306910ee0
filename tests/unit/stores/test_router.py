from collections.abc import Sequence

import pytest

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import ChunkInvalidError, ChunkMissingError, StoreError
from desync_jobs.stores.base import Chunk, Presence, StoredSize
from desync_jobs.stores.counters import Counts
from desync_jobs.stores.router import StoreRouter
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.faulty import Call, Fault, FaultyStore
from desync_jobs.testing.memory import MemoryStore

A, B, C, D = make_chunks(4)


def test_each_chunk_comes_from_the_first_store_that_has_it() -> None:
    near = FaultyStore(MemoryStore("near", [A, B]))
    far = FaultyStore(MemoryStore("far", [B, C]))
    router = StoreRouter([near, far])

    answers = router.fetch([C.id, A.id, B.id, C.id])

    assert [answer.plain for answer in answers if isinstance(answer, Chunk)] == [
        C.plain,
        A.plain,
        B.plain,
        C.plain,
    ]
    assert near.calls == [Call("fetch", 4)]
    assert far.calls == [Call("fetch", 2)]
    assert router.counts() == {
        "near": Counts(2, 4000, 4, plain_bytes=4000),
        "far": Counts(2, 4000, 2, plain_bytes=4000),
    }


def test_no_further_store_is_asked_when_everything_is_there() -> None:
    far = FaultyStore(MemoryStore("far"))

    StoreRouter([MemoryStore("near", [A]), far]).fetch([A.id])

    assert far.calls == []


def test_a_chunk_that_no_store_has_is_missing_from_all_of_them() -> None:
    router = StoreRouter([MemoryStore("near"), MemoryStore("far")])

    (answer,) = router.fetch([A.id])

    assert isinstance(answer, ChunkMissingError)
    assert str(answer) == f"chunk {A.id.hex()} is missing from near, far"


def test_an_invalid_chunk_is_looked_for_further_on() -> None:
    near, far = MemoryStore("near", [A]), MemoryStore("far", [A])
    near.plain[A.id] = b"garbage"

    (answer,) = StoreRouter([near, far]).fetch([A.id])

    assert isinstance(answer, Chunk)
    assert answer.plain == A.plain


@pytest.mark.parametrize("damaged", ["near", "middle", "far"])
def test_a_chunk_that_is_only_there_damaged_is_invalid_not_missing(damaged: str) -> None:
    stores = [MemoryStore(name) for name in ("near", "middle", "far")]
    for store in stores:
        if store.name == damaged:
            store.plain[A.id] = b"garbage"

    (answer,) = StoreRouter(stores).fetch([A.id])

    assert isinstance(answer, ChunkInvalidError)
    assert answer.store == damaged


def test_the_first_of_several_damaged_copies_is_told() -> None:
    stores = [MemoryStore(name) for name in ("near", "far")]
    for store in stores:
        store.plain[A.id] = b"garbage"

    (answer,) = StoreRouter(stores).fetch([A.id])

    assert isinstance(answer, ChunkInvalidError)
    assert answer.store == "near"


def test_a_store_that_cannot_answer_stops_the_request() -> None:
    error = StoreError("store near: down")
    near = FaultyStore(MemoryStore("near"), [Fault("fetch", 1, error)])
    far = FaultyStore(MemoryStore("far", [A]))

    with pytest.raises(StoreError, match="store near: down"):
        StoreRouter([near, far]).fetch([A.id])

    assert far.calls == []


def test_presence_is_yes_where_any_store_says_so_and_no_where_all_do() -> None:
    class Unsure(MemoryStore):
        def presence(self, ids: object) -> list[Presence]:
            del ids
            return [Presence.UNKNOWN] * 3

    router = StoreRouter([MemoryStore("near", [A]), Unsure("unsure"), MemoryStore("far", [B])])
    sure = StoreRouter([MemoryStore("near", [A]), MemoryStore("far", [B])])
    asked = [A.id, B.id, C.id, D.id]

    assert router.presence(asked) == [
        Presence.YES,
        Presence.YES,
        Presence.UNKNOWN,
        Presence.UNKNOWN,
    ]
    assert sure.presence(asked) == [Presence.YES, Presence.YES, Presence.NO, Presence.NO]


def test_sizes_are_of_the_first_store_that_has_the_chunk_and_say_who_is_asked() -> None:
    near, far = FaultyStore(MemoryStore("near", [A])), FaultyStore(MemoryStore("far", [A, B]))
    router = StoreRouter([near, far])

    assert router.stored_sizes([A.id, B.id, C.id]) == [
        StoredSize(Presence.YES, ("near",), len(A.plain), Form.PLAIN),
        StoredSize(Presence.YES, ("near", "far"), len(B.plain), Form.PLAIN),
        StoredSize(Presence.NO, ("near", "far")),
    ]
    assert (near.calls, far.calls) == ([Call("stored_sizes", 3)], [Call("stored_sizes", 2)])


def test_where_a_store_cannot_tell_nobody_further_away_is_asked_for_sizes() -> None:
    class Unsure(MemoryStore):
        def stored_sizes(self, ids: Sequence[ChunkID]) -> list[StoredSize]:
            return [StoredSize(Presence.UNKNOWN, (self.name,)) for _ in ids]

    far = FaultyStore(MemoryStore("far", [B]))
    router = StoreRouter([MemoryStore("near", [A]), Unsure("unsure"), far])

    assert router.stored_sizes([B.id, A.id]) == [
        StoredSize(Presence.UNKNOWN, ("near", "unsure")),
        StoredSize(Presence.YES, ("near",), len(A.plain), Form.PLAIN),
    ]
    assert far.calls == []
