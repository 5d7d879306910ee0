import pytest

from desync_jobs.errors import ChunkMissingError, StoreError
from desync_jobs.stores.base import Presence
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.faulty import Call, Fault, FaultyStore
from desync_jobs.testing.memory import MemoryStore

A, B, C = make_chunks(3)


def test_the_call_that_is_named_fails_and_the_others_do_not() -> None:
    store = FaultyStore(MemoryStore(), [Fault("fetch", 2, StoreError("told to"))])
    store.fetch([A.id])
    with pytest.raises(StoreError, match="told to"):
        store.fetch([A.id, B.id])
    store.fetch([])

    assert store.presence([A.id]) == [Presence.NO]
    assert store.calls == [
        Call("fetch", 1),
        Call("fetch", 2),
        Call("fetch", 0),
        Call("presence", 1),
    ]


@pytest.mark.parametrize("verb", ["put", "replace"])
def test_a_batch_can_fail_half_way(verb: str) -> None:
    inner = MemoryStore()
    error = StoreError("disk full")
    store = FaultyStore(inner, [Fault("put", 1, error, 2), Fault("replace", 1, error, 2)])

    with pytest.raises(StoreError, match="disk full"):
        (store.put if verb == "put" else store.replace)([A, B, C])

    assert list(inner.plain) == [A.id, B.id]


def test_answers_can_be_given_for_single_chunks() -> None:
    missing = ChunkMissingError(A.id, "elsewhere")
    store = FaultyStore(MemoryStore("m", [A, B]), answers={A.id: missing})

    assert store.fetch([A.id, B.id])[0] is missing
