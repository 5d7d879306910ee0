import threading
import time
from pathlib import Path

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import InterruptedRunError
from desync_jobs.formats.wire import ChunkAbsent, ChunkData
from desync_jobs.stores.casync_ssh.session import Session, SessionError
from desync_jobs.stores.policy.values import NeverStopped, Policy
from tests.unit.stores.casync_ssh.peers import peer

A, B = bytes(range(32)), bytes(range(32, 64))
QUICK = Policy(timeout=0.4, connect_timeout=5.0)


def greeted(folder: Path, body: str, policy: Policy = QUICK) -> Session:
    session = Session(peer(folder, body), policy, NeverStopped())
    session.greet()
    return session


def test_each_chunk_of_a_request_is_answered_in_any_order(tmp_path: Path) -> None:
    session = greeted(
        tmp_path,
        """
hello()
one, other = receive().ids
send(wire.missing(other))
send(wire.chunk(one, b"data"))
receive()
""",
    )
    answers = list(session.fetch([A, B]))
    session.close()

    assert answers == [ChunkAbsent(B), ChunkData(A, b"data", compressed=True)]


def test_a_session_serves_a_chunk_once(tmp_path: Path) -> None:
    session = greeted(tmp_path, "hello()\nsend(wire.missing(receive().ids[0]))\nreceive()")
    before = session.can_serve([A])
    list(session.fetch([A]))

    assert before
    assert not session.can_serve([B, A])
    assert session.can_serve([B])
    assert not session.can_serve([bytes([at % 256, at // 256] * 16) for at in range(1 << 16)])
    session.close()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit('no such store')", "it ended with exit code 1: no such store"),
        ("os.write(1, b'Welcome to this machine!')", "it sent a message of"),
        ("send(struct.pack('<QQ', 1 << 62, MessageType.HELLO))", "it sent a message of 46116860"),
        ("send(wire.goodbye()); receive()", "it began with a GOODBYE instead of a HELLO"),
        ("send(wire.hello(Feature.WRITABLE_STORE)); receive()", "it has no store to read from"),
        ("send(wire.abort(5, 'go away')); receive()", r"it gave up: go away \(code 5\)"),
    ],
)
def test_a_wrong_greeting_ends_the_session(tmp_path: Path, body: str, message: str) -> None:
    session = Session(peer(tmp_path, body), QUICK, NeverStopped())

    with pytest.raises(SessionError, match=f"^{message}"):
        session.greet()
    session.close()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit(3)", "it ended with exit code 3"),
        ("send(wire.chunk(bytes(32), b'x')); receive()", f"it sent chunk {'00' * 32}, which was"),
        ("send(wire.missing(request.ids[0]) * 2); receive()", "it sent chunk 0001.* not asked for"),
        ("send(wire.abort(5, 'disk')); receive()", r"it gave up: disk \(code 5\)"),
        ("send(wire.hello(Feature.READABLE_STORE)); receive()", "it answered with a HELLO"),
        ("send(struct.pack('<QQ', 40, MessageType.CHUNK) + bytes(24))", "it sent a CHUNK message"),
        ("time.sleep(60)", "it did not answer in time"),
        ("send(wire.chunk(A, b'data')[:30]); time.sleep(60)", "it did not answer in time"),
    ],
)
def test_a_wrong_answer_ends_the_session(tmp_path: Path, body: str, message: str) -> None:
    session = greeted(tmp_path, f"A = bytes(range(32))\nhello()\nrequest = receive()\n{body}")

    with pytest.raises(SessionError, match=f"^{message}"):
        list(session.fetch([A, B]))
    session.close()


def test_a_slow_answer_is_waited_for_as_long_as_bytes_come(tmp_path: Path) -> None:
    session = greeted(
        tmp_path,
        """
hello()
for byte in wire.missing(receive().ids[0]):
    send(bytes([byte]))
    time.sleep(0.02)
receive()
""",
    )
    began = time.monotonic()
    answers = list(session.fetch([A]))
    session.close()

    assert answers == [ChunkAbsent(A)]
    assert time.monotonic() - began > QUICK.timeout


def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(SessionError, match="cannot start /does/not/exist: No such file"):
        Session(["/does/not/exist"], QUICK, NeverStopped())


def test_a_stopped_run_does_not_wait_for_an_answer(tmp_path: Path) -> None:
    cancel = Cancel()
    session = Session(peer(tmp_path, "time.sleep(60)"), Policy(), cancel)
    threading.Timer(0.2, cancel.stop, ["SIGTERM"]).start()
    began = time.monotonic()

    with pytest.raises(InterruptedRunError):
        session.greet()
    session.close()
    assert time.monotonic() - began < 10


def test_closing_ends_a_program_that_does_not_listen(tmp_path: Path) -> None:
    session = greeted(tmp_path, "hello()\ntime.sleep(600)")
    began = time.monotonic()
    session.close()

    assert time.monotonic() - began < 10
