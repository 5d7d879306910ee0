import asyncio
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import StreamResponse

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.kernel import best
from desync_jobs.errors import StoreError
from desync_jobs.server.answers import RefusedError
from desync_jobs.server.chunk_app import ChunkApp, Chunks
from desync_jobs.server.keeping import Keeping
from desync_jobs.server.metrics import Metrics, new_board
from desync_jobs.server.wire import Wire
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.layout import chunk_name
from desync_jobs.stores.reader import Reader
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.faulty import Fault, FaultyStore
from desync_jobs.testing.memory import MemoryStore

CHUNK, OTHER = make_chunks(2)
WIRE = Wire(ChunkForms(reads_both=False), Reader(best(), (DigestAlgorithm.SHA512_256,)))


def ask(served: Chunks, method: str, body: bytes = b"", suffix: str = ".cacnk") -> StreamResponse:
    async def run() -> StreamResponse:
        payload = StreamReader(
            Mock(_reading_paused=False), 1 << 16, loop=asyncio.get_running_loop()
        )
        payload.feed_data(body)
        payload.feed_eof()
        path = f"/{chunk_name(CHUNK.id, suffix)}"
        with ThreadPoolExecutor(2) as executor:
            app = ChunkApp(served, executor, 2, Metrics(new_board(1), 0))
            return await app.answer(make_mocked_request(method, path, payload=payload))

    return asyncio.run(run())


@pytest.mark.parametrize("chunks", [[], [CHUNK]])
def test_a_chunk_is_acknowledged_when_it_is_synced_new_or_not(chunks: list[object]) -> None:
    store = MemoryStore(chunks=[CHUNK] if chunks else [])
    served = Chunks(store, WIRE, Keeping(store), store.flush)

    assert ask(served, "PUT", WIRE.encode(CHUNK)).status == 200
    assert store.flushed == {CHUNK.id}


def test_a_chunk_that_cannot_be_synced_is_not_acknowledged() -> None:
    store = FaultyStore(MemoryStore(), [Fault("flush", 1, StoreError("the disk failed"))])
    served = Chunks(store, WIRE, Keeping(store), store.flush)

    with pytest.raises(StoreError, match="the disk failed"):
        ask(served, "PUT", WIRE.encode(CHUNK))


@pytest.mark.parametrize("body", [b"", b"garbage", WIRE.encode(OTHER)])
def test_what_is_not_the_chunk_is_neither_kept_nor_synced(body: bytes) -> None:
    store = FaultyStore(MemoryStore())

    with pytest.raises(RefusedError, match=f"chunk {CHUNK.id.hex()} is invalid: ") as caught:
        ask(Chunks(store, WIRE, Keeping(store), store.flush), "PUT", body)

    assert caught.value.status == 400
    assert store.calls == []


def test_what_is_there_is_sent_and_what_is_missing_is_not_found() -> None:
    there, missing = Chunks(MemoryStore(chunks=[CHUNK]), WIRE), Chunks(MemoryStore(), WIRE)

    assert ask(there, "GET").status == ask(there, "HEAD").status == 200
    for method in ("GET", "HEAD"):
        with pytest.raises(RefusedError) as caught:
            ask(missing, method)
        assert (caught.value.status, str(caught.value)) == (
            404,
            f"chunk {CHUNK.id.hex()} not found",
        )


def test_what_a_store_cannot_say_is_not_called_missing() -> None:
    store = FaultyStore(MemoryStore(), [Fault("presence", 1, StoreError("is down"))])

    with pytest.raises((RefusedError, StoreError)) as caught:
        ask(Chunks(store, WIRE), "HEAD")

    assert getattr(caught.value, "status", 500) == 500
