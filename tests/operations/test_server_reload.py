"""SIGHUP while a server is asked: what it serves is exchanged, and no request is lost."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from threading import Event, Lock
from urllib.parse import urlsplit

import pytest

from desync_jobs.core.chunk import ChunkID
from desync_jobs.formats.index import Index
from tests.blobs import blob
from tests.servers.own import OwnServer, ask, chunk_server, own_server, path_of
from tests.workspace import Workspace

RELOADS = 10
ANSWERED_BETWEEN = 200
"""Requests that are answered from one reload to the next."""


@pytest.fixture
def served(workspace: Workspace) -> Workspace:
    """A blob, its index and `store`."""
    workspace.make("blob", blob("first"))
    return workspace


def lone(served: Workspace, index: Index) -> ChunkID:
    """Return a chunk of `index` that `store` does not have."""
    first = served.index("blob.caibx")
    known = {first.id(at) for at in range(len(first))}
    return next(index.id(at) for at in range(len(index)) if index.id(at) not in known)


class Load:
    """Four clients that ask as fast as they get answers, nine times on each connection.

    On two cores that others used too: 2,200 requests a second, of two processes 3,700.
    """

    def __init__(self, url: str, paths: Sequence[str]) -> None:
        self._url = urlsplit(url)
        self._paths = paths
        self._over = Event()
        self.answered = 0
        self.statuses: set[int] = set()
        self._lock = Lock()

    def ask(self) -> None:
        """Ask until it is over; a request without an answer is an error."""
        while not self._over.is_set():
            connection = HTTPConnection(self._url.hostname or "", self._url.port, timeout=20)
            with closing(connection):
                for path in [*self._paths, *self._paths, *self._paths]:
                    connection.request("GET", path)
                    response = connection.getresponse()
                    response.read()
                    with self._lock:
                        self.answered += 1
                        self.statuses.add(response.status)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """While inside, clients ask."""
        with ThreadPoolExecutor(4) as threads:
            asking = [threads.submit(self.ask) for _ in range(4)]
            try:
                yield
            finally:
                self._over.set()
            for one in asking:
                one.result()


def figure(server: OwnServer, name: str) -> int:
    """Return a figure of a server, over all of its processes."""
    lines = ask(server.url, "/metrics").text.splitlines()
    return int(next(line for line in lines if line.startswith(f"desync_run_{name} ")).split()[1])


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("processes", [1, 2])
def test_ten_reloads_under_load_lose_none_of_two_thousand_requests(
    served: Workspace, processes: int
) -> None:
    first = [path_of(served.index("blob.caibx").id(at)) for at in (1, 2, 3)]
    new = path_of(lone(served, served.make("other", blob("second"), store="second")))
    stores = served / "stores.json"
    stores.write_text(json.dumps({"stores": ["store"]}))
    flags = ("--store-file", "stores.json", "--processes", str(processes))
    with chunk_server(*flags, directory=served.path) as server:
        found = [ask(server.url, new).status]
        load = Load(server.url, first)
        with load.going_on():
            for turn in range(1, RELOADS + 1):
                wait_for(lambda turn=turn: load.answered >= ANSWERED_BETWEEN * turn)  # type: ignore[misc] # mypy knows no lambdas with defaults
                more = ["second"] if turn % 2 else []
                stores.write_text(json.dumps({"stores": ["store", *more]}))
                server.reload()
                wait_for(lambda turn=turn: figure(server, "reloads_total") == turn * processes)  # type: ignore[misc]
                found.append(ask(server.url, new).status)
            stores.write_text(json.dumps({"stores": ["nowhere"]}))
            server.reload()
            server.said("reload failed, everything stays as it was")
        sent = figure(server, "from_files_total")
        code = server.stop()

    assert load.statuses == {200}
    assert load.answered == sent >= RELOADS * ANSWERED_BETWEEN
    assert found == [404] + [200, 404] * (RELOADS // 2)
    assert code == 0


def test_a_job_file_is_served_and_read_again(served: Workspace) -> None:
    second = served.make("other", blob("second"), store="second")
    job = {
        "version": 1,
        "stores": {"a": {"url": "store"}, "b": {"url": "second"}},
        "operations": {
            "serve": {"kind": "serve-chunks", "stores": ["a"], "listen": ["127.0.0.1:0"]}
        },
    }
    (served / "job.json").write_text(json.dumps(job))
    with own_server("job.json", directory=served.path) as server:
        new = path_of(lone(served, second))
        before = ask(server.url, new).status
        job["operations"]["serve"]["stores"] = ["a", "b"]  # type: ignore[index] # a plain document
        (served / "job.json").write_text(json.dumps(job))
        server.reload()
        wait_for(lambda: figure(server, "reloads_total") == 1)
        after = ask(server.url, new).status

    assert (before, after) == (404, 200)


@pytest.mark.parametrize("processes", [1, 2])
def test_desyncs_configuration_is_read_again_and_a_broken_one_leaves_all_as_it_was(
    served: Workspace, processes: int
) -> None:
    index, config = served.index("blob.caibx"), served / "config.json"
    guarded = {"DESYNC_HTTP_AUTH": "Bearer sesame"}
    with chunk_server("-s", "store", directory=served.path, environment=guarded) as origin:

        def shows(value: object) -> None:
            config.write_text(json.dumps({"store-options": {origin.url: {"http-auth": value}}}))

        shows("Bearer wrong")
        flags = ("-s", origin.url, "--config", "config.json", "--processes", str(processes))
        with chunk_server(*flags, directory=served.path) as server:
            found = [ask(server.url, path_of(index.id(1))).status]
            shows("Bearer sesame")
            server.reload()
            wait_for(lambda: figure(server, "reloads_total") == processes)
            found.append(ask(server.url, path_of(index.id(1))).status)
            complaints: list[str] = []
            for broken in (["Bearer wrong"], None):
                if broken is None:
                    config.write_text('{"store-options": ')
                else:
                    shows(broken)
                server.reload()
                failed = "reload failed, everything stays as it was: "
                complaints.append(server.said(failed, len(complaints) + 1).partition(failed)[2])
                found.append(ask(server.url, path_of(index.id(len(found)))).status)
            code = server.stop()

    assert found == [500, 200, 200, 200]
    assert complaints[0] == (
        f"config.json: store-options '{origin.url}': http-auth should be a text"
    )
    assert complaints[1] == "config.json: line 1, column 19: expecting value"
    assert code == 0


def test_a_secret_that_is_nowhere_is_told_at_the_start(served: Workspace) -> None:
    job = {
        "version": 1,
        "stores": {"a": {"url": "http://127.0.0.1:1/", "http_auth": {"file": "secret"}}},
        "operations": {
            "serve": {"kind": "serve-chunks", "stores": ["a"], "listen": ["127.0.0.1:0"]}
        },
    }
    (served / "job.json").write_text(json.dumps(job))
    with own_server("job.json", directory=served.path) as server:
        line = server.said("store a: http_auth: ")
        code = server.process.wait(20)

    assert line.endswith("/secret cannot be read: No such file or directory")
    assert code == 64
