import os
import struct
import threading
from collections.abc import Iterator, Sequence

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.core.kernel import best
from desync_jobs.errors import DesyncRunError, StoreError
from desync_jobs.formats import wire
from desync_jobs.formats.wire import (
    Abort,
    ChunkAbsent,
    ChunkData,
    Feature,
    Fragment,
    Hello,
    Message,
    MessageType,
)
from desync_jobs.server.pull import Offer, PullSession
from desync_jobs.stores.base import Chunk
from desync_jobs.stores.reader import RawChunk, Reader
from desync_jobs.testing.chunks import make_chunks
from desync_jobs.testing.faulty import Fault, FaultyStore
from desync_jobs.testing.memory import MemoryStore

CHUNKS = make_chunks(100)
IDS = [chunk.id for chunk in CHUNKS]


class Client:
    """A session in a thread, and the client's end of its pipes."""

    def __init__(self, offer: Offer) -> None:
        self.warnings: list[str] = []
        self.error: DesyncRunError | None = None
        self.cancel = Cancel()
        source, self._sink = os.pipe()
        self._source, sink = os.pipe()
        session = PullSession(offer, source, sink, self.cancel, self.warnings.append)

        def serve() -> None:
            try:
                session.serve()
            except DesyncRunError as error:
                self.error = error
            finally:
                os.close(source)
                os.close(sink)

        self._thread = threading.Thread(target=serve)
        self._thread.start()

    def send(self, frame: bytes) -> None:
        while frame:
            frame = frame[os.write(self._sink, frame) :]

    def receive(self) -> Message:
        kind, size = wire.parse_frame_header(self._read(wire.HEADER_SIZE))
        return wire.parse_body(kind, self._read(size))

    def chunks(self, ids: Sequence[bytes]) -> dict[bytes, Message]:
        self.send(wire.request(ids))
        answers = [self.receive() for _ in ids]
        return {one.id: one for one in answers if isinstance(one, ChunkData | ChunkAbsent)}

    def hang_up(self) -> None:
        if self._sink >= 0:
            os.close(self._sink)
            self._sink = -1
        self._thread.join(10)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self.cancel.stop("SIGTERM")
        self.hang_up()
        os.close(self._source)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = os.read(self._source, size - len(data))
            assert more, "the session ended"
            data += more
        return data


@pytest.fixture
def clients() -> Iterator[list[Client]]:
    begun: list[Client] = []
    yield begun
    for client in begun:
        client.close()


def greeted(
    clients: list[Client], offer: Offer, wants: Feature = Feature.PULL_CHUNKS
) -> tuple[Client, Message]:
    client = Client(offer)
    clients.append(client)
    client.send(wire.hello(wants))
    return client, client.receive()


def test_every_chunk_of_a_request_is_answered(clients: list[Client]) -> None:
    client, hello = greeted(clients, Offer(MemoryStore("store", CHUNKS[:99])))
    answers = client.chunks(IDS)
    client.send(wire.goodbye())
    client.hang_up()

    assert hello == Hello(Feature.READABLE_STORE)
    assert set(answers) == set(IDS)
    assert answers[IDS[99]] == ChunkAbsent(IDS[99])
    raw = [
        RawChunk(one.id, one.compressed, one.data)
        for one in answers.values()
        if isinstance(one, ChunkData)
    ]
    plain = [one.plain for one in Reader(best()).answers("x", raw) if isinstance(one, Chunk)]
    assert sorted(map(bytes, plain)) == sorted(bytes(chunk.plain) for chunk in CHUNKS[:99])
    assert client.error is None


def test_a_client_may_hang_up_without_a_goodbye(clients: list[Client]) -> None:
    client, _ = greeted(clients, Offer(MemoryStore("store", CHUNKS)))
    client.chunks(IDS[:3])
    client.hang_up()

    assert client.error is None


def test_an_index_is_sent_first_to_those_who_want_it(clients: list[Client]) -> None:
    index = bytes(range(256)) * 600
    offer = Offer(MemoryStore("store", CHUNKS), index)
    client, hello = greeted(clients, offer, Feature.PULL_CHUNKS | Feature.PULL_INDEX)
    parts = [client.receive() for _ in range(4)]
    answers = client.chunks(IDS[:1])

    assert hello == Hello(Feature.READABLE_STORE | Feature.READABLE_INDEX)
    assert b"".join(one.data for one in parts if isinstance(one, Fragment)) == index
    assert parts[-1] == Fragment(MessageType.INDEX_EOF, b"")
    assert list(answers) == IDS[:1]


@pytest.mark.parametrize(
    "wants",
    [Feature.PULL_INDEX, Feature.PULL_ARCHIVE, Feature.PUSH_CHUNKS, Feature.PULL_CHUNKS | 0x200],
)
def test_what_is_not_offered_is_refused(clients: list[Client], wants: Feature) -> None:
    client, _ = greeted(clients, Offer(MemoryStore("store")), wants)
    message = client.receive()
    client.hang_up()

    assert isinstance(message, Abort)
    assert "which is not offered" in message.reason
    assert client.error is not None
    assert client.error.exit_code == 4


def test_a_store_that_fails_is_told_to_both_sides(clients: list[Client]) -> None:
    faults = [Fault("fetch", 2, StoreError("store origin: is down"))]
    client, _ = greeted(clients, Offer(FaultyStore(MemoryStore("origin", CHUNKS), faults)))
    client.send(wire.request(IDS))
    first = [client.receive() for _ in range(64)]
    message = client.receive()
    client.hang_up()

    assert all(isinstance(one, ChunkData) for one in first)
    assert message == Abort(5, "store origin: is down")
    assert str(client.error) == "store origin: is down"


def test_a_damaged_chunk_is_missing_and_told_here(clients: list[Client]) -> None:
    store = MemoryStore("origin", CHUNKS)
    store.plain[IDS[0]] = b"damaged"
    client, _ = greeted(clients, Offer(store))
    answers = client.chunks(IDS[:2])

    assert answers[IDS[0]] == ChunkAbsent(IDS[0])
    assert isinstance(answers[IDS[1]], ChunkData)
    assert len(client.warnings) == 1
    assert f"store origin: chunk {IDS[0].hex()} is invalid" in client.warnings[0]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "a message of"),
        (struct.pack("<QQ", 16, 42), "a message of the unknown type 0x2a"),
        (wire.missing(bytes(32)), "the client sent a ChunkAbsent"),
        (wire.hello(Feature.PULL_CHUNKS), "the client sent a Hello"),
        (wire.abort(1, "no more"), "the client gave up: no more"),
        (wire.request(IDS[:1])[:30], "the client's stream ends within a message"),
    ],
)
def test_a_client_that_breaks_the_protocol_is_told_so(
    clients: list[Client], frame: bytes, message: str
) -> None:
    client, _ = greeted(clients, Offer(MemoryStore("store", CHUNKS)))
    client.send(frame)
    client.hang_up()

    answer = client.receive()
    assert isinstance(answer, Abort)
    assert message in answer.reason
    assert message in str(client.error)


def test_a_client_that_reads_nothing_does_not_hold_up_the_end(clients: list[Client]) -> None:
    client, _ = greeted(clients, Offer(MemoryStore("store", CHUNKS)))
    for _ in range(4):
        client.send(wire.request(IDS))
    client.cancel.stop("SIGTERM")
    client.hang_up()

    assert client.error is not None
    assert client.error.exit_code == 143
