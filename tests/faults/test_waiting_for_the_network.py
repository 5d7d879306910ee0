"""A run that is stopped while it waits for a server: at once, and the next one goes on."""

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

import pytest
import tomli_w

from desync_jobs.stores.layout import chunk_name
from tests.servers.scripted import End, Received, Reply, scripted_server
from tests.servers.web import Spoil, Web
from tests.vectors.inputs import ctr
from tests.workspace import SMALL, Workspace, chunk_files

Start = Callable[..., subprocess.Popen[bytes]]
Run = Callable[..., subprocess.CompletedProcess[bytes]]

SHORT = ctr(300_000, b"network")
LONG = ctr(9 << 20, b"network")
"""Of a length from which an extraction keeps a journal."""
OLD = b"what was here before"
BATCH = 64
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
SOON = 1.0
"""Seconds; a tenth of one is what a run may go without looking."""

WAYS = {
    "for an answer": Reply(raw=b"", end=End.STALLED),
    "for the rest of an answer": Reply(body=b"half", length=10_000, end=End.STALLED),
    "to ask again": Reply(503, headers={"Retry-After": "20"}),
}


@pytest.fixture
def made(workspace: Workspace) -> Workspace:
    """An index of SHORT, with chunks in the directory `store`, and something else at `out`."""
    workspace.make("blob", SHORT)
    (workspace / "out").write_bytes(OLD)
    return workspace


def until(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def quiet(web: Web) -> Callable[[], bool]:
    """Return whether nothing has been asked for a while."""
    seen: list[tuple[int, float]] = []

    def is_quiet() -> bool:
        total, now = web.asked.total(), time.monotonic()
        if not seen or seen[-1][0] != total:
            seen.append((total, now))
        return total > 0 and now - seen[-1][1] > 0.25

    return is_quiet


def stopped(
    start: Start, web: Web, arguments: Sequence[str], number: signal.Signals = signal.SIGINT
) -> tuple[int, float]:
    """Send a signal once the program only waits; return its exit code and how long it took."""
    with start(*arguments) as process:
        until(quiet(web))
        assert process.poll() is None, process.communicate()
        sent = time.monotonic()
        process.send_signal(number)
        process.communicate(timeout=20)
        return process.returncode, time.monotonic() - sent


def stalling(reply: Reply, method: str = "GET") -> Spoil:
    return lambda request, _, __: reply if request.method == method else None


EXTRACT = ["extract", "-s", "URL", "blob.caibx", "out"]


@pytest.mark.parametrize(
    ("way", "method", "command"),
    [
        ("for an answer", "GET", EXTRACT),
        ("for the rest of an answer", "GET", EXTRACT),
        ("to ask again", "GET", EXTRACT),
        ("for an answer", "GET", ["cat", "-s", "URL", "blob.caibx", "out"]),
        ("to ask again", "GET", ["cache", "-s", "URL", "-c", "near", "blob.caibx"]),
        ("for an answer", "HEAD", ["chop", "-s", "URL", "blob.caibx", "blob"]),
        ("for an answer", "PUT", ["make", "-s", "URL", "-m", SMALL, "out", "blob"]),
        ("to ask again", "HEAD", ["info", "-s", "URL", "blob.caibx"]),
        ("for the rest of an answer", "GET", ["list-chunks", "URL/blob.caibx"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value,
)
def test_an_interrupted_wait_ends_at_once_and_leaves_what_was_there(
    made: Workspace, start: Start, way: str, method: str, command: list[str]
) -> None:
    writes = command[0] in {"chop", "make"}
    before = chunk_files(made / "store")
    web = Web(made / ("remote" if writes else "store"), stalling(WAYS[way], method))
    (made / "near").mkdir()
    with scripted_server(otherwise=web) as server:
        code, seconds = stopped(start, web, [one.replace("URL", server.url) for one in command])

    assert code == 130
    assert seconds < SOON
    assert (made / "out").read_bytes() == OLD
    assert chunk_files(made / "store") == before
    assert chunk_files(made / "near") == {}


@pytest.mark.parametrize("number", CODES)
def test_an_extraction_that_waited_goes_on_without_fetching_again(
    made: Workspace, start: Start, desync_run: Run, number: signal.Signals
) -> None:
    index = made.make("blob", LONG)
    slow = index.id(5 * BATCH).hex()

    def spoil(request: Received, right: Reply, turn: int) -> Reply | None:
        del right, turn
        return WAYS["for an answer"] if slow in request.target else None

    web = Web(made / "store", spoil)
    with scripted_server(otherwise=web) as server:
        command = ["extract", "-s", server.url, "blob.caibx", "out"]
        code, seconds = stopped(start, web, command, number)
        left = (made / "out").read_bytes()
        first = web.read()
        web.spoil = lambda *_: None
        web.asked.clear()
        ended = desync_run(*command)

    unique = len({index.id(position) for position in range(len(index))})
    assert code == CODES[number]
    assert seconds < SOON
    assert left == OLD
    assert len(first) > 5 * BATCH
    assert ended.returncode == 0, ended.stderr
    assert (made / "out").read_bytes() == LONG
    # All but the one batch that could not be finished was there.
    assert len(first & web.read()) <= BATCH
    assert len(first | web.read()) == unique


def test_a_cache_keeps_what_had_come_and_is_not_asked_for_it_again(
    made: Workspace, start: Start, desync_run: Run
) -> None:
    shutil.rmtree(made / "store")
    slow = made.make("blob", LONG).id(5 * BATCH).hex()

    def spoil(request: Received, right: Reply, turn: int) -> Reply | None:
        del right, turn
        return WAYS["for an answer"] if slow in request.target else None

    web = Web(made / "store", spoil)
    (made / "near").mkdir()
    with scripted_server(otherwise=web) as server:
        command = ["cache", "-s", server.url, "-c", "near", "blob.caibx"]
        code, _ = stopped(start, web, command, signal.SIGTERM)
        kept = chunk_files(made / "near")
        web.spoil = lambda *_: None
        web.asked.clear()
        ended = desync_run(*command)

    store = chunk_files(made / "store")
    assert code == 143
    assert len(kept) >= 3 * BATCH
    assert kept.items() <= store.items()
    assert ended.returncode == 0, ended.stderr
    assert chunk_files(made / "near") == store
    assert web.asked.total() == len(store) - len(kept)


def test_a_job_that_waits_to_ask_again_says_that_it_was_stopped(
    made: Workspace, start: Start
) -> None:
    web = Web(made / "store", stalling(WAYS["to ask again"]))
    with scripted_server(otherwise=web) as server:
        job = {
            "version": 1,
            "stores": {"web": {"url": server.url, "policy": {"deadline": "1h"}}},
            "operations": {
                "x": {"kind": "extract", "index": "blob.caibx", "target": "out", "stores": ["web"]},
                "y": {"kind": "digest", "blob": "out", "after": ["x"]},
            },
        }
        (made / "job.toml").write_text(tomli_w.dumps(job))
        with start("run", "job.toml") as process:
            until(quiet(web))
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)

    assert process.returncode == 130
    assert b"stopped by SIGINT; what was published before is complete" in said
    assert b"Traceback" not in said


def test_a_chunk_that_is_missing_ends_a_run_whose_other_threads_wait(
    made: Workspace, desync_run: Run
) -> None:
    index = made.make("blob", LONG)
    missing = chunk_name(index.id(2 * BATCH), ".cacnk")
    slow = chunk_name(index.id(0), ".cacnk")
    begun = threading.Event()

    def spoil(request: Received, right: Reply, turn: int) -> Reply | None:
        del right, turn
        name = request.target.removeprefix("/")
        if name == missing:
            begun.wait(20)
            return Reply(404)
        if name == slow:
            begun.set()
            return WAYS["for an answer"]
        return None

    with scripted_server(otherwise=Web(made / "store", spoil)) as server:
        began = time.monotonic()
        ended = desync_run("extract", "-n", "4", "-s", server.url, "blob.caibx", "out")
        seconds = time.monotonic() - began

    assert ended.returncode == 5
    assert f"chunk {index.id(2 * BATCH).hex()} is missing" in ended.stderr.decode()
    # Less than the time limit of a single attempt.
    assert seconds < 55
    assert (made / "out").read_bytes() == OLD
