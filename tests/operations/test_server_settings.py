"""Servers with certificates, authorization, other forms of the wire, several processes, reloads."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.blobs import blob
from tests.conftest import command_line
from tests.servers.certificates import Authority
from tests.servers.own import OwnServer, ask, chunk_server, path_of
from tests.servers.scripted import Received, Reply, scripted_server
from tests.workspace import Ended, Workspace, chunk_files

FIRST = blob("first")
KEY = bytes(range(32)).hex()
QUICK = {"attempts": 1}


@pytest.fixture
def served(workspace: Workspace) -> Workspace:
    """A blob, its index and `store`."""
    workspace.make("blob", FIRST)
    return workspace


def extract(workspace: Workspace, url: str, **place: object) -> Ended:
    workspace.places["web"] = {"url": url, "policy": QUICK, **place}
    return workspace.do("extract", index="blob.caibx", target="out", stores=["web"])


def open_slow(url: str, path: str) -> socket.socket:
    """Ask for a path, and read nothing yet, with room for little."""
    parts = urlsplit(url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((parts.hostname, parts.port))
    client.settimeout(20)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client


def read_to_end(client: socket.socket) -> bytes:
    received = b""
    while data := client.recv(1 << 16):
        received += data
    return received


def test_certificates_are_verified_unless_the_client_trusts_anybody(
    served: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca") / "own")
    cert, key = authority.server_files(served.path)
    with chunk_server("-s", "store", "--cert", cert, "--key", key, directory=served.path) as server:
        trusted = extract(served, server.url, tls={"ca": authority.file})
        (served / "out").unlink()
        anybody = extract(served, server.url, tls={"trust_insecure": True})

    assert server.url.startswith("https://")
    assert [trusted.summary, anybody.summary] == [(0, "done")] * 2
    assert (served / "out").read_bytes() == FIRST


def test_an_unknown_authority_gives_nothing(
    served: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca") / "own")
    cert, key = authority.server_files(served.path)
    with chunk_server("-s", "store", "--cert", cert, "--key", key, directory=served.path) as server:
        ended = extract(served, server.url)

    assert ended.summary == (1, "failed")
    assert not (served / "out").exists()


def test_clients_without_a_certificate_are_turned_away(
    served: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca") / "own")
    cert, key = authority.server_files(served.path)
    tls = ("--cert", cert, "--key", key, "--mutual-tls", "--client-ca", authority.file)
    with chunk_server("-s", "store", *tls, directory=served.path) as server:
        without = extract(served, server.url, tls={"ca": authority.file})
        absent = not (served / "out").exists()
        shown = {"client_cert": authority.client_cert, "client_key": authority.client_key}
        ended = extract(served, server.url, tls={"ca": authority.file, **shown})

    assert (without.summary, absent) == ((1, "failed"), True)
    assert ended.summary == (0, "done")


def test_only_the_right_authorization_is_let_in(served: Workspace) -> None:
    index = served.index("blob.caibx")
    auth = {"DESYNC_HTTP_AUTH": "Bearer sesame"}
    with chunk_server("-s", "store", directory=served.path, environment=auth) as server:
        answers = [
            ask(server.url, path, Authorization=given)
            for path, given in (
                (path_of(index.id(2)), "Bearer sesame"),
                (path_of(index.id(2)), "Bearer sesam"),
                (path_of(index.id(2)), ""),
                ("/nonsense", "no"),
                ("/metrics", "no"),
                ("/healthz", "no"),
            )
        ]

    assert [one.status for one in answers] == [200, 401, 401, 401, 401, 200]
    assert answers[0].headers["Cache-Control"].startswith("private")
    assert answers[1].text == "Unauthorized"
    assert "sesame" not in "".join(server.lines)


@pytest.mark.parametrize("flags", [("--encryption",), ("--encryption-algorithm", "aes-256-gcm")])
def test_an_encrypted_wire_leaves_the_store_as_it_is(
    workspace: Workspace, flags: tuple[str, ...]
) -> None:
    key = {"DESYNC_ENCRYPTION_KEY": KEY}
    (workspace / "key").write_text(KEY)
    algorithm = "aes-256-gcm" if len(flags) > 1 else "xchacha20-poly1305"
    with chunk_server(
        "-s", "store", "-w", *flags, directory=workspace.path, environment=key
    ) as server:
        encryption = {"key": {"file": "key"}, "algorithm": algorithm}
        workspace.places["web"] = {"url": server.url, "encryption": encryption}
        index = workspace.make("blob", FIRST, store="web")
        ended = workspace.do("extract", index="blob.caibx", target="out", stores=["web"])
        suffix = f".cacnk.{algorithm}-630dcd29"
        first, second = (ask(server.url, path_of(index.id(2), suffix)) for _ in range(2))

    assert ended.summary == (0, "done")
    assert (workspace / "out").read_bytes() == FIRST
    assert {name[-6:] for name in chunk_files(workspace / "store")} == {".cacnk"}
    # Sealed anew, so parts of the two would not fit together.
    assert first.body != second.body
    assert first.headers["ETag"].startswith("W/")
    assert "Accept-Ranges" not in first.headers


def test_a_key_in_the_environment_alone_encrypts_nothing(served: Workspace) -> None:
    index = served.index("blob.caibx")
    key = {"DESYNC_ENCRYPTION_KEY": KEY}
    with chunk_server("-s", "store", directory=served.path, environment=key) as server:
        answer = ask(server.url, path_of(index.id(2)))

    assert answer.status == 200


def test_one_store_is_served_compressed_and_plain(served: Workspace) -> None:
    with chunk_server("-s", "store", "-u", "-w", directory=served.path) as server:
        plain = extract(served, server.url, compression="none", reads="own")
        served.places["plain"] = {"url": server.url, "compression": "none"}
        index = served.make("other", blob("second"), store="plain")
        answer = ask(server.url, path_of(index.id(2), ""))
    with chunk_server("-s", "store", directory=served.path) as server:
        (served / "out").unlink()
        compressed = extract(served, server.url)

    assert [plain.summary, compressed.summary] == [(0, "done")] * 2
    assert answer.body == blob("second")[index.start(2) : index.end(2)]


def test_a_client_of_the_other_form_gets_an_error(served: Workspace) -> None:
    with chunk_server("-s", "store", directory=served.path) as server:
        ended = extract(served, server.url, compression="none", reads="own")

    assert ended.summary == (1, "failed")
    assert "compression and encryption settings" in ended.message


def run(directory: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    ended = subprocess.run(
        command_line(arguments),
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.getcwd(), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--cert", "c"), "--cert and --key are given together"),
        (("--key", "k"), "--cert and --key are given together"),
        (("--mutual-tls",), "--mutual-tls needs --cert and --key"),
        (("--mutual-tls", "--cert", "c", "--key", "k"), "--mutual-tls needs --client-ca"),
        (("--client-ca", "a"), "--client-ca needs --cert and --key"),
        (("--client-ca", "a", "--cert", "c", "--key", "k"), "--client-ca needs --mutual-tls"),
        (("--encryption",), "DESYNC_ENCRYPTION_KEY is not set"),
        (("--store-file", "f"), "--store-file has stores and cache"),
        (("-w", "-c", "cache"), "--writable needs one store, and no cache"),
        (("-l", "nowhere"), "is not an address"),
    ],
)
def test_options_that_do_not_go_together_are_told(
    served: Workspace, flags: Sequence[str], message: str
) -> None:
    listen = () if "-l" in flags else ("-l", "127.0.0.1:0")
    code, said = run(served.path, "chunk-server", "-s", "store", *listen, *flags)

    assert code == 64
    assert message in said
    assert "Traceback" not in said


def test_a_stopped_server_finishes_what_is_under_way_and_ends_well(workspace: Workspace) -> None:
    large = os.urandom(8 << 20)
    index = workspace.make("blob", large, chunk_size="8MiB:8MiB:8MiB", store="store")
    path = path_of(index.id(0))
    with chunk_server("-s", "store", directory=workspace.path) as server:
        client = open_slow(server.url, path)
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        still_there = server.process.poll() is None
        with client:
            head, _, body = read_to_end(client).partition(b"\r\n\r\n")
        code = server.process.wait(20)

    assert (still_there, code) == (True, 0)
    assert f"Content-Length: {len(body)}".encode() in head
    assert body == (workspace / "store" / path[1:]).read_bytes()


def test_a_stopped_server_waits_for_what_its_store_elsewhere_has_not_answered_yet(
    served: Workspace,
) -> None:
    let = threading.Event()
    path = path_of(served.index("blob.caibx").id(0))
    stored = (served / "store" / path[1:]).read_bytes()

    def answer(_request: Received) -> Reply:
        assert let.wait(20)
        return Reply(body=stored)

    with (
        scripted_server(otherwise=answer) as upstream,
        chunk_server("-s", upstream.url, directory=served.path) as server,
        ThreadPoolExecutor(1) as client,
    ):
        asked = client.submit(ask, server.url, path)
        wait_until(lambda: bool(upstream.received))
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refused(server.url))
        let.set()
        given = asked.result(20)
        code = server.process.wait(20)

    assert (given.status, given.body, code) == (200, stored, 0)


def refused(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_client_that_takes_nothing_is_given_up_when_its_time_is_over(
    workspace: Workspace,
) -> None:
    index = workspace.make("blob", os.urandom(8 << 20), chunk_size="8MiB:8MiB:8MiB")
    arguments = ("-s", "store", "--drain", "500ms")
    with chunk_server(*arguments, directory=workspace.path) as server:
        with open_slow(server.url, path_of(index.id(0))):
            time.sleep(0.3)
            began = time.monotonic()
            code = server.stop(signal.SIGINT)
        seconds = time.monotonic() - began

    assert code == 0
    assert 0.4 < seconds < 10


def test_certificates_and_authorization_are_read_again(
    served: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    old = Authority(tmp_path_factory.mktemp("ca") / "old")
    new = Authority(tmp_path_factory.mktemp("ca") / "new")
    cert, key = old.server_files(served.path)
    (served / "auth").write_text("one\n")
    (served / "client").write_text("two\n")
    flags = ("--cert", cert, "--key", key, "--authorization-file", "auth")
    with chunk_server("-s", "store", *flags, directory=served.path) as server:
        new.server_files(served.path)
        (served / "auth").write_text("two\n")
        early = extract(served, server.url, tls={"ca": old.file}, http_auth={"file": "client"})
        server.reload()
        time.sleep(1)
        ended = extract(served, server.url, tls={"ca": new.file}, http_auth={"file": "client"})

    assert early.summary == (1, "failed")
    assert "401" in early.message
    assert ended.summary == (0, "done")


def test_authorities_of_clients_are_read_again(
    served: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca") / "own")
    others = [Authority(tmp_path_factory.mktemp("ca") / name) for name in ("old", "new")]
    cert, key = authority.server_files(served.path)
    shutil.copy(others[0].file, served / "clients.pem")
    tls = ("--cert", cert, "--key", key, "--mutual-tls", "--client-ca", "clients.pem")

    def lets_in(url: str, client: Authority) -> bool:
        (served / "out").unlink(missing_ok=True)
        shown = {"client_cert": client.client_cert, "client_key": client.client_key}
        return extract(served, url, tls={"ca": authority.file, **shown}).summary == (0, "done")

    with chunk_server("-s", "store", *tls, directory=served.path) as server:
        before = [lets_in(server.url, one) for one in others]
        shutil.copy(others[1].file, served / "clients.pem")
        server.reload()
        end = time.monotonic() + 20
        while lets_in(server.url, others[0]) and time.monotonic() < end:
            time.sleep(0.05)
        after = [lets_in(server.url, one) for one in others]

    assert (before, after) == ([True, False], [False, True])


def test_several_addresses_are_listened_on(served: Workspace) -> None:
    path = path_of(served.index("blob.caibx").id(2))
    flags = ("-s", "store", "-l", "127.0.0.1:0", "-l", "localhost:0")
    with chunk_server(*flags, directory=served.path) as server:
        found = [ask(url, path).status for url in server.urls]
        code = server.stop()

    assert len(found) >= 3
    assert set(found) == {200}
    assert code == 0


def children(server: OwnServer) -> list[int]:
    pid = server.process.pid
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_several_processes_share_the_work_and_one_that_dies_is_replaced(
    served: Workspace,
) -> None:
    path = path_of(served.index("blob.caibx").id(2))
    flags = ("-s", "store", "--processes", "2")
    with chunk_server(*flags, directory=served.path) as server:
        before = children(server)
        statuses = {ask(server.url, path).status for _ in range(20)}
        metrics = ask(server.url, "/metrics").text
        os.kill(before[0], signal.SIGKILL)
        server.said("another takes its place")
        after = children(server)
        statuses |= {ask(server.url, path).status for _ in range(20)}
        code = server.stop()

    assert len(before) == 2
    assert before[0] not in after
    assert statuses == {200}
    # Whoever is asked tells the sum.
    assert 'requests_total{method="GET",status="200"} 20' in metrics
    assert code == 0


def test_processes_end_with_the_one_that_started_them(served: Workspace) -> None:
    with chunk_server("-s", "store", "--processes", "2", directory=served.path) as server:
        left = children(server)
        server.process.kill()
        end = time.monotonic() + 10
        while time.monotonic() < end and any(Path(f"/proc/{pid}").exists() for pid in left):
            time.sleep(0.05)

    assert [pid for pid in left if Path(f"/proc/{pid}/exe").exists()] == []
