"""The server of NBD over real sockets, with a blob in memory: every answer, in the bytes."""

import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from threading import Event, Thread

import pytest

from desync_jobs.assembly.random_access import Extent
from desync_jobs.errors import StoreError
from desync_jobs.server.nbd.export import Export
from desync_jobs.server.nbd.serving import Limits, NbdServer
from desync_jobs.server.unix_socket import unix_listener
from tests.blobs import blob
from tests.servers import nbd
from tests.servers.nbd import Client, connected, wanted_contexts, wanted_export

BLOCK = 4096
DATA = blob("first")[: 8 * BLOCK] + bytes(4 * BLOCK) + blob("second")[: 3 * BLOCK + 100]
ALL = len(DATA)


@dataclass
class Memory:
    """A blob in memory, of which some places cannot be read; blocks of zeros are holes."""

    data: bytes = DATA
    failing: set[int] = field(default_factory=set)
    """Offsets of reads that fail."""
    broken: set[int] = field(default_factory=set)
    """Offsets of reads that end with a defect."""
    waiting: dict[int, Event] = field(default_factory=dict)
    """Reads at these offsets wait."""
    begun: Event = field(default_factory=Event)
    """Set when one waits."""
    reads: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        if offset in self.waiting:
            self.begun.set()
            assert self.waiting[offset].wait(20)
        if offset in self.failing:
            raise StoreError("store s: out of order")
        if offset in self.broken:
            raise ZeroDivisionError
        return self.data[offset : offset + length]

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        end = min(offset + length, self.size)
        cuts = [offset, *(at for at in range(0, end, BLOCK) if at > offset), end]
        pieces = [(one, other) for one, other in pairwise(cuts) if other > one]

        def hole(piece: tuple[int, int]) -> bool:
            begin = piece[0] - piece[0] % BLOCK
            return not any(self.data[begin : begin + BLOCK])

        for zero, group in groupby(pieces, hole):
            several = list(group)
            yield Extent(several[-1][1] - several[0][0], zero)

    def close(self) -> None:
        """Have nothing to release."""


@dataclass
class Orders:
    """Told what to do by a test."""

    started: Event = field(default_factory=Event)
    stop: Event = field(default_factory=Event)

    def ready(self) -> None:
        self.started.set()

    def goes_on(self) -> bool:
        return not self.stop.is_set()


@dataclass
class Running:
    """A server at a Unix socket."""

    path: Path
    server: NbdServer
    orders: Orders
    thread: Thread
    blob: Memory
    said: list[str]

    def client(self, *, structured: bool = True, contexts: bool = True) -> Client:
        """Return a client that has negotiated."""
        client = connected(self.path)
        assert client.begin(structured=structured, contexts=contexts) == self.blob.size
        return client

    def stop(self) -> None:
        self.orders.stop.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


@contextmanager
def running(path: Path, memory: Memory, limits: Limits | None = None) -> Iterator[Running]:
    said: list[str] = []
    orders = Orders()
    with unix_listener(str(path / "sock")) as listener:
        export = Export("disk", memory, "a disk")
        server = NbdServer(export, [listener], limits or Limits(drain=5), said.append)
        thread = Thread(target=server.run, args=(orders,))
        thread.start()
        server_running = Running(path / "sock", server, orders, thread, memory, said)
        try:
            assert orders.started.wait(20)
            yield server_running
        finally:
            for event in memory.waiting.values():
                event.set()
            server_running.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("shared"), Memory()) as one:
        yield one


@pytest.fixture
def served(shared: Running) -> Running:
    """A server of which nobody has read anything yet."""
    shared.blob.reads.clear()
    shared.said.clear()
    return shared


def test_an_export_is_described_as_asked(served: Running) -> None:
    with connected(served.path) as client:
        client.greet()
        answers = client.option(nbd.INFO, wanted_export(b"disk", 1, 2, 3, 99))
        structured = client.option(nbd.STRUCTURED)
        again = client.option(nbd.INFO, wanted_export())

    assert answers == [
        (3, struct.pack(">HQH", 0, ALL, 0x503)),
        (3, b"\0\x01disk"),
        (3, b"\0\x02a disk"),
        (3, struct.pack(">HIII", 3, 1, 4096, 32 << 20)),
        (nbd.ACK, b""),
    ]
    assert structured == [(nbd.ACK, b"")]
    assert again[0] == (3, struct.pack(">HQH", 0, ALL, 0x583))


def test_the_export_is_listed(served: Running) -> None:
    with connected(served.path) as client:
        client.greet()
        listed = client.option(nbd.LIST)
        wrong = client.option(nbd.LIST, b"x")

    assert listed == [(2, b"\0\0\0\x04disk"), (nbd.ACK, b"")]
    assert wrong[-1][0] == nbd.INVALID


def test_what_is_not_offered_is_refused_and_the_negotiation_goes_on(served: Running) -> None:
    with connected(served.path) as client:
        client.greet()
        answers = {
            name: client.option(number, data)[-1][0]
            for name, number, data in [
                ("encryption", nbd.STARTTLS, b""),
                ("peek", 4, b""),
                ("long headers", 11, b""),
                ("unheard of", 0xFFFFFFFF, b"x" * 65536),
                ("another export", nbd.GO, wanted_export(b"other")),
                ("too short", nbd.GO, b"\0\0\0\x05disk"),
                ("contexts first", nbd.SET_CONTEXTS, wanted_contexts("base:allocation")),
            ]
        }
        begun = client.option(nbd.GO, wanted_export(b"disk"))

    assert answers == {
        "encryption": nbd.UNSUPPORTED,
        "peek": nbd.UNSUPPORTED,
        "long headers": nbd.UNSUPPORTED,
        "unheard of": nbd.UNSUPPORTED,
        "another export": nbd.UNKNOWN,
        "too short": nbd.INVALID,
        "contexts first": nbd.INVALID,
    }
    assert begun[-1] == (nbd.ACK, b"")


def test_contexts_are_listed_and_chosen_and_given_up(served: Running) -> None:
    with connected(served.path) as client:
        client.greet()
        client.option(nbd.STRUCTURED)
        listed = client.option(nbd.LIST_CONTEXTS, wanted_contexts())
        chosen = client.option(nbd.SET_CONTEXTS, wanted_contexts("x:y", "base:allocation"))
        given_up = client.option(nbd.SET_CONTEXTS, wanted_contexts())
        client.option(nbd.GO, wanted_export())
        status = client.asked(nbd.STATUS, 0, BLOCK)

    assert listed == [(4, b"\0\0\0\0base:allocation"), (nbd.ACK, b"")]
    assert chosen == [(4, b"\0\0\0\x01base:allocation"), (nbd.ACK, b"")]
    assert given_up == [(nbd.ACK, b"")]
    assert status.error == nbd.EINVAL


def test_abort_is_acknowledged_and_ends_the_connection(served: Running) -> None:
    with connected(served.path) as client:
        client.greet()

        assert client.option(nbd.ABORT) == [(nbd.ACK, b"")]
        assert client.ended()


@pytest.mark.parametrize(("flags", "padding"), [(1, 124), (3, 0)])
def test_old_clients_begin_by_the_name_alone(served: Running, flags: int, padding: int) -> None:
    with connected(served.path) as client:
        client.greet(flags)
        client.send(b"IHAVEOPT" + struct.pack(">II", 1, 4) + b"disk")
        size, abilities = struct.unpack(">QH", client.take(10))
        zeroes = client.take(padding)
        read = client.asked(nbd.READ, 100, 1000)

    assert (size, abilities, zeroes) == (ALL, 0x503, bytes(padding))
    assert read.data == DATA[100:1100]


def test_an_unknown_name_has_no_answer_for_old_clients(served: Running) -> None:
    with connected(served.path) as client:
        client.greet()
        client.send(b"IHAVEOPT" + struct.pack(">II", 1, 5) + b"other")

        assert client.ended()


def test_a_simple_read_is_one_piece(served: Running) -> None:
    with served.client(structured=False) as client:
        whole = client.asked(nbd.READ, 0, ALL)
        part = client.asked(nbd.READ, 8 * BLOCK - 10, 20)
        nothing = client.asked(nbd.READ, 5, 0)

    assert whole.data == DATA
    assert part.data == DATA[8 * BLOCK - 10 : 8 * BLOCK + 10]
    assert (nothing.error, nothing.data) == (0, b"")


def test_a_structured_read_sends_no_zeros(served: Running) -> None:
    with served.client() as client:
        whole = client.asked(nbd.READ, 0, ALL)
        hole = client.asked(nbd.READ, 9 * BLOCK, 100)
        one_piece = client.asked(nbd.READ, 0, ALL, flags=nbd.DF)
        nothing = client.asked(nbd.READ, 0, 0)

    assert (whole.data, whole.chunks) == (DATA, (1, 2, 1))
    assert (hole.data, hole.chunks) == (bytes(100), (2,))
    assert (one_piece.data, one_piece.chunks) == (DATA, (1,))
    assert (nothing.error, nothing.chunks) == (0, (0,))
    assert served.blob.reads == [(0, ALL), (0, ALL)]


def test_holes_are_told(served: Running) -> None:
    with served.client() as client:
        whole = client.asked(nbd.STATUS, 0, ALL)
        one = client.asked(nbd.STATUS, BLOCK, ALL - BLOCK, flags=nbd.ONE)

    assert whole.extents == ((8 * BLOCK, 0), (4 * BLOCK, 3), (3 * BLOCK + 100, 0))
    assert one.extents == ((7 * BLOCK, 0),)
    assert served.blob.reads == []


def test_caching_reads_the_range_and_sends_nothing(served: Running) -> None:
    with served.client() as client:
        cached = client.asked(nbd.CACHE, 100, 5000)

    assert (cached.error, cached.chunks) == (0, (0,))
    assert served.blob.reads == [(100, 5000)]


@pytest.mark.parametrize("structured", [True, False])
def test_what_cannot_be_answered_is_refused_and_the_connection_stays(
    served: Running, *, structured: bool
) -> None:
    refused = {
        "write": (nbd.WRITE, 0, 0, 0, nbd.EPERM),
        "trim": (nbd.TRIM, 0, 10, 0, nbd.EPERM),
        "write zeroes": (nbd.ZEROES, 0, 10, 2, nbd.EPERM),
        "resize": (8, 10, 0, 0, nbd.EPERM),
        "flush": (nbd.FLUSH, 0, 0, 0, nbd.EINVAL),
        "no command": (4711, 0, 0, 0, nbd.EINVAL),
        "no flag": (nbd.READ, 0, 10, 0x8000, nbd.EINVAL),
        "another's flag": (nbd.READ, 0, 10, nbd.ONE, nbd.EINVAL),
        "past the end": (nbd.READ, ALL - 9, 10, 0, nbd.EINVAL),
        "at the end": (nbd.READ, ALL, 1, 0, nbd.EINVAL),
        "overflow": (nbd.READ, 2**64 - 1, 0xFFFFFFFF, 0, nbd.EINVAL),
        "too much": (nbd.READ, 0, (32 << 20) + 1, 0, nbd.EINVAL),
        "cache past the end": (nbd.CACHE, 0, 0xFFFFFFFF, 0, nbd.EINVAL),
        "status of nothing": (nbd.STATUS, 0, 0, 0, nbd.EINVAL),
        "status past the end": (nbd.STATUS, 1, ALL, 0, nbd.EINVAL),
    }
    with served.client(structured=structured) as client:
        errors = {
            name: client.asked(command, offset, length, flags=flags).error
            for name, (command, offset, length, flags, _) in refused.items()
        }
        read = client.asked(nbd.READ, 0, 10, flags=1)

    assert errors == {name: error for name, (*_, error) in refused.items()}
    assert read.data == DATA[:10]


def test_pieces_are_not_to_be_avoided_without_structured_replies(served: Running) -> None:
    with served.client(structured=False) as client:
        assert client.asked(nbd.READ, 0, 10, flags=nbd.DF).error == nbd.EINVAL


def test_what_a_write_brings_is_read_and_dropped(served: Running) -> None:
    with served.client() as client:
        client.ask(nbd.WRITE, 0, 200_000)
        client.send(bytes(200_000))
        refused = client.answer()
        read = client.asked(nbd.READ, 0, 10)

    assert refused.error == nbd.EPERM
    assert read.data == DATA[:10]


def test_a_disconnecting_client_gets_what_it_asked_for_before(tmp_path: Path) -> None:
    memory = Memory(waiting={0: Event()})
    with running(tmp_path, memory) as one, one.client() as client:
        client.ask(nbd.READ, 0, 10)
        client.ask(nbd.DISC, cookie=8)
        memory.waiting[0].set()

        assert client.answer().data == DATA[:10]
        assert client.ended()


def test_requests_are_answered_as_they_are_done(tmp_path: Path) -> None:
    memory = Memory(waiting={0: Event()})
    with running(tmp_path, memory) as one, one.client() as client:
        client.ask(nbd.READ, 0, 10, cookie=1)
        client.ask(nbd.READ, 50, 10, cookie=2)
        first = client.answer()
        memory.waiting[0].set()
        second = client.answer()

    assert (first.cookie, first.data) == (2, DATA[50:60])
    assert (second.cookie, second.data) == (1, DATA[:10])


@pytest.mark.parametrize("structured", [True, False])
def test_a_failing_store_fails_one_request_and_is_told(tmp_path: Path, *, structured: bool) -> None:
    with (
        running(tmp_path, Memory(failing={BLOCK})) as one,
        one.client(structured=structured) as client,
    ):
        failed = client.asked(nbd.READ, BLOCK, 20)
        read = client.asked(nbd.READ, 0, 20)
        one.blob.failing.clear()
        again = client.asked(nbd.READ, BLOCK, 20)

    assert (failed.error, failed.data) == (nbd.EIO, b"")
    assert read.data == DATA[:20]
    assert again.data == DATA[BLOCK : BLOCK + 20]
    assert one.said == ["20 bytes at 4096: store s: out of order"]


def test_a_defect_fails_one_request_and_is_told(tmp_path: Path) -> None:
    with running(tmp_path, Memory(broken={BLOCK})) as one, one.client() as client:
        failed = client.asked(nbd.READ, BLOCK, 20)
        read = client.asked(nbd.READ, 0, 20)

    assert failed.error == nbd.EIO
    assert read.data == DATA[:20]
    assert one.said[0].startswith("a defect, please report it: 20 bytes at 4096: Traceback")


def test_a_blob_that_ends_early_is_an_error(tmp_path: Path) -> None:
    class Short(Memory):
        def read(self, offset: int, length: int) -> bytes:
            return super().read(offset, length)[:-1]

    with running(tmp_path, Short()) as one, one.client() as client:
        assert client.asked(nbd.READ, 0, 20).error == nbd.EIO


def test_the_end_waits_for_what_was_asked(tmp_path: Path) -> None:
    memory = Memory(waiting={0: Event()})
    with running(tmp_path, memory) as one, one.client() as client, one.client() as idle:
        client.ask(nbd.READ, 0, 10)
        assert memory.begun.wait(20)
        one.orders.stop.set()
        assert idle.ended()
        with pytest.raises(OSError, match="refused"):
            connected(one.path)
        memory.waiting[0].set()

        assert client.answer().data == DATA[:10]
        assert client.ended()


def test_the_end_does_not_wait_for_ever(tmp_path: Path) -> None:
    memory = Memory(waiting={0: Event()})
    with running(tmp_path, memory, Limits(drain=0.1)) as one, one.client() as client:
        client.ask(nbd.READ, 0, 10)
        assert memory.begun.wait(20)
        one.orders.stop.set()

        assert client.ended()


def test_more_clients_than_allowed_are_not_let_in(tmp_path: Path) -> None:
    with running(tmp_path, Memory(), Limits(connections=2, drain=5)) as one:
        with one.client() as first, one.client(), connected(one.path) as third:
            assert third.ended()
            assert first.asked(nbd.READ, 0, 10).data == DATA[:10]
        # Somebody has left, and the server has noticed when it lets another in.
        for _ in range(1000):
            with connected(one.path) as client:
                if client.sock.recv(1):
                    break
        else:
            pytest.fail("nobody is let in")


def test_a_client_that_takes_nothing_holds_up_nobody(tmp_path: Path) -> None:
    memory = Memory(data=blob("first") * 8)
    with running(tmp_path, memory) as one, one.client() as greedy, one.client() as other:
        for cookie in range(20):  # more than are answered at once, and than are waiting
            greedy.ask(nbd.READ, 0, memory.size, cookie=cookie)

        assert other.asked(nbd.READ, 0, 10).data == memory.data[:10]
        assert greedy.answer().data == memory.data


def test_a_message_that_is_not_gone_on_with_ends_the_connection(tmp_path: Path) -> None:
    with running(tmp_path, Memory(), Limits(stalled=0.2, drain=5)) as one, one.client() as client:
        assert client.asked(nbd.READ, 0, 10).data == DATA[:10]
        client.send(b"\x25\x60\x95\x13\0\0")

        assert client.ended()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\0\0\0\3" + b"IHAVEOPS" + bytes(8),
        b"\0\0\0\3" + b"IHAVEOPT" + struct.pack(">II", 7, 0xFFFFFFFF),
        b"\0\0\0\3" + b"IHAVEOPT" + struct.pack(">II", 7, 100) + b"half",
        b"\0\0\0\3" + (b"IHAVEOPT" + struct.pack(">II", 99, 0)) * 1000,
        b"\0\0\0\1" + b"IHAVEOPT" + struct.pack(">II", 1, 2) + b"\xff\xff",
        b"",
    ],
)
def test_a_hostile_beginning_ends_its_connection_alone(served: Running, sent: bytes) -> None:
    with connected(served.path) as client:
        client.sock.sendall(sent)
        client.sock.shutdown(socket.SHUT_WR)
        assert client.ended()

    with served.client() as client:
        assert client.asked(nbd.READ, 0, 10).data == DATA[:10]
    assert served.said == []


@pytest.mark.parametrize(
    "sent",
    [
        b"\x25\x60\x95\x14" + bytes(24),
        struct.pack(">IHHQQI", 0x25609513, 0, nbd.WRITE, 1, 0, (32 << 20) + 1),
        struct.pack(">IHHQQI", 0x25609513, 0, nbd.WRITE, 1, 0, 1000) + b"half",
        struct.pack(">IHHQQI", 0x25609513, 0, nbd.READ, 1, 0, 10) + b"\x25\x60",
    ],
)
def test_a_hostile_request_ends_its_connection_alone(served: Running, sent: bytes) -> None:
    with served.client() as client:
        client.sock.sendall(sent)
        client.sock.shutdown(socket.SHUT_WR)
        assert client.ended()

    with served.client() as client:
        assert client.asked(nbd.READ, 0, 10).data == DATA[:10]
    assert served.said == []


def test_many_clients_read_at_once(tmp_path: Path) -> None:
    def read(seed: int) -> bool:
        with one.client(structured=seed % 2 == 0) as client:
            for step in range(60):
                offset = (seed * 7919 + step * 104_729) % ALL
                length = min(1 + (step * 331) % 9000, ALL - offset)
                if client.asked(nbd.READ, offset, length).data != DATA[offset : offset + length]:
                    return False
        return True

    with running(tmp_path, Memory()) as one, ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))
        assert one.server.tally.requests == 8 * 60
