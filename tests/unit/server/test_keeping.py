from desync_jobs.server.keeping import Keeping
from desync_jobs.stores.base import Stored
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.memory import MemoryStore

CHUNKS = make_chunks(3)


def test_what_is_new_is_kept() -> None:
    store = MemoryStore()

    assert Keeping(store).put(CHUNKS).chunks == 3
    assert Keeping(store).put(CHUNKS) == Stored(0, 0)
    assert store.plain == {chunk.id: chunk.plain for chunk in CHUNKS}


def test_what_is_damaged_there_is_replaced_by_what_was_sent() -> None:
    store = MemoryStore(chunks=CHUNKS)
    store.plain[CHUNKS[1].id] = b"damaged"

    Keeping(store).put(CHUNKS)

    assert store.plain == {chunk.id: chunk.plain for chunk in CHUNKS}
