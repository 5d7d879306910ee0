"""Clients of a server count on what they were told: no collector comes between them and it."""

import fcntl
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from desync_jobs.api import Settings, run
from desync_jobs.core.chunk import ChunkID
from desync_jobs.execute.result import Result
from desync_jobs.formats.index import Index
from desync_jobs.manifest.load import job_from_document
from desync_jobs.stores.leases.ledger import SKEW
from desync_jobs.stores.leases.ledgered import Clock
from desync_jobs.stores.leases.log import LedgerLog
from desync_jobs.stores.leases.promises import FOLDER
from desync_jobs.stores.objects.base import CreatingPlace
from desync_jobs.stores.policy.values import NeverStopped
from tests.blobs import blob
from tests.servers.own import OwnServer, ask, chunk_server, own_server, path_of
from tests.servers.s3_places import open_remote
from tests.servers.sftp_places import make_home
from tests.servers.sshd import running_sshd
from tests.workspace import Workspace, chunk_file, ids_of


@pytest.fixture
def old(workspace: Workspace) -> Index:
    """The index of garbage: its chunks are in `store`, with others that `indexes` needs."""
    (workspace / "indexes").mkdir()
    workspace.make("kept", blob("second"))
    (workspace / "kept.caibx").rename(workspace / "indexes" / "kept.caibx")
    return workspace.make("blob", blob("first"))


def prune(workspace: Workspace, wait: str = "0s", below: str = "") -> Result:
    """Collect the garbage of the store below a URL."""
    document = {
        "version": 1,
        "lease_wait": wait,
        "limits": {"max_deletion_share": "100%"},
        "stores": {"store": {"url": f"{below}store"}},
        "operations": {
            "prune": {
                "kind": "prune",
                "store": "store",
                "roots": [{"url": f"{below}indexes"}],
                "grace": "0s",
            }
        },
    }
    return run(job_from_document(document, str(workspace.path), "job.toml"), Settings())


def there(workspace: Workspace, index: Index) -> bool:
    return all(chunk_file(workspace / "store", one).exists() for one in ids_of(index))


def lone(workspace: Workspace, index: Index) -> ChunkID:
    """Return a chunk of `index` that is garbage."""
    kept = set(ids_of(workspace.index("indexes/kept.caibx")))
    return next(index.id(at) for at in range(len(index)) if index.id(at) not in kept)


@contextmanager
def collected(store: Path) -> Iterator[Callable[[], None]]:
    """Have the store as a collector has it, until what this yields is called."""
    fd = os.open(store, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield lambda: fcntl.flock(fd, fcntl.LOCK_UN)
    finally:
        os.close(fd)


@pytest.mark.parametrize("end", [None, signal.SIGTERM, signal.SIGKILL])
def test_nobody_deletes_what_a_client_was_told_is_there_whatever_becomes_of_the_server(
    workspace: Workspace, old: Index, end: signal.Signals | None
) -> None:
    with chunk_server("-s", "store", "-w", directory=workspace.path) as server:
        found = ask(server.url, path_of(old.id(2)), "HEAD")
        if end is not None:
            server.stop(end)
        refused = prune(workspace)
        (promise,) = os.listdir(workspace / "store" / FOLDER)
        pid = server.process.pid

    assert found.status == 200
    assert refused.exit_code == 7
    message = str(refused.outcomes[0].error)
    assert "is in use by serve-chunks of " in message
    assert f", process {pid}, until 20" in message
    # Whoever knows that its clients are gone need not wait.
    assert (f"{FOLDER}{promise} there says" in message) == (end is not None)
    assert there(workspace, old)
    (workspace / "store" / FOLDER / promise).unlink()
    assert prune(workspace).exit_code == 0
    assert not there(workspace, old)


def test_a_client_that_goes_on_with_the_next_server_finds_all_that_it_counted_on(
    workspace: Workspace, old: Index
) -> None:
    """It asked for each chunk, and sent none, as all were there: garbage, until it publishes."""
    junk = workspace.make("junk", b"junk" * 1000)
    with chunk_server("-s", "store", "-w", directory=workspace.path) as server:
        workspace.places["web"] = {"url": server.url}
        made = workspace.do("chop", index="blob.caibx", blob="blob", store="web")
        server.stop(signal.SIGKILL)
        during = prune(workspace)
        (workspace / "indexes" / "blob.caibx").write_bytes((workspace / "blob.caibx").read_bytes())
        (promise,) = (workspace / "store" / FOLDER).iterdir()
        told_at = json.loads(promise.read_bytes())
        assert 600 < told_at["until"] - time.time() <= 1200
        promise.write_text(json.dumps({**told_at, "until": time.time() + 1}))
        after = prune(workspace, "1min")

    assert made.summary == (0, "unchanged")
    assert during.exit_code == 7
    assert after.exit_code == 0
    assert there(workspace, old)
    assert not there(workspace, junk)
    assert os.listdir(workspace / "store" / FOLDER) == []


def test_a_server_whose_clients_are_done_is_in_nobodys_way(
    workspace: Workspace, old: Index
) -> None:
    flags = ("-s", "store", "-w", "--write-lease", "300ms")
    with chunk_server(*flags, directory=workspace.path) as server:
        path = path_of(lone(workspace, old))
        found = ask(server.url, path, "HEAD")
        collecting = prune(workspace, "20s")
        gone = ask(server.url, path, "HEAD")

    assert [found.status, gone.status] == [200, 404]
    assert collecting.exit_code == 0


def test_who_only_reads_takes_no_lease(workspace: Workspace, old: Index) -> None:
    with chunk_server("-s", "store", "-w", directory=workspace.path) as server:
        status = ask(server.url, path_of(old.id(2))).status
        collecting = prune(workspace)

    assert status == 200
    assert collecting.exit_code == 0
    assert not (workspace / "store" / FOLDER).exists()


@pytest.mark.parametrize("method", ["HEAD", "PUT"])
def test_a_client_waits_while_chunks_are_removed(
    workspace: Workspace, old: Index, method: str
) -> None:
    path = path_of(old.id(2))
    body = chunk_file(workspace / "store", old.id(2)).read_bytes() if method == "PUT" else None
    with (
        collected(workspace / "store") as done,
        chunk_server("-s", "store", "-w", directory=workspace.path) as server,
        ThreadPoolExecutor(1) as client,
    ):
        asking = client.submit(ask, server.url, path, method, body)
        server.said("store store is in use by process ")
        waiting = not asking.done()
        done()

    assert waiting
    assert asking.result().status == 200


def served(workspace: Workspace, operation: Mapping[str, object], **keys: object) -> Sequence[str]:
    """Write a job that serves; returns the arguments that run it."""
    document = {
        "version": 1,
        "stores": {"store": {"url": "store"}},
        "operations": {"serve": {"listen": ["127.0.0.1:0"], "writable": True, **operation}},
        **keys,
    }
    (workspace / "serve.json").write_text(json.dumps(document))
    return ("run", "serve.json")


@contextmanager
def serving(workspace: Workspace, arguments: Sequence[str]) -> Iterator[OwnServer]:
    with own_server(*arguments, directory=workspace.path) as server:
        server.said("listening on ")
        yield server


def test_a_client_is_told_to_come_back_where_removing_takes_long(
    workspace: Workspace, old: Index
) -> None:
    operation: dict[str, object] = {"kind": "serve-chunks", "stores": ["store"]}
    arguments = served(workspace, operation, lease_wait="0s")
    with collected(workspace / "store") as done, serving(workspace, arguments) as server:
        refused = ask(server.url, path_of(old.id(2)), "HEAD")
        put = ask(server.url, path_of(old.id(2)), "PUT", b"x")
        server.said("clients are told to come back: store store")
        done()
        again = ask(server.url, path_of(old.id(2)), "HEAD")

    assert [refused.status, put.status, again.status] == [503, 503, 200]
    assert refused.headers["Retry-After"] == "5"
    assert put.text == "chunks are being removed from the store, try again later"


def test_an_index_is_not_taken_while_chunks_of_its_store_are_removed(
    workspace: Workspace, old: Index
) -> None:
    content = (workspace / "blob.caibx").read_bytes()
    operation: dict[str, object] = {"kind": "serve-indexes", "url": "indexes", "stores": ["store"]}
    arguments = served(workspace, operation, lease_wait="0s")
    with collected(workspace / "store") as done, serving(workspace, arguments) as server:
        refused = ask(server.url, "/blob.caibx", "PUT", content)
        name = "blob.caibx"
        during = (workspace / "indexes" / name).exists()
        server.said(f"the index {name} was not taken: store store")
        done()
        taken = ask(server.url, "/blob.caibx", "PUT", content)
        collecting = prune(workspace)

    assert (refused.status, during, taken.status) == (503, False, 200)
    assert (workspace / "indexes" / name).read_bytes() == content
    assert collecting.exit_code == 0
    assert there(workspace, old)


def test_what_is_no_promise_stops_a_collector(workspace: Workspace, old: Index) -> None:
    (workspace / "store" / FOLDER).mkdir(parents=True)
    (workspace / "store" / FOLDER / "x").write_text("{}")
    refused = prune(workspace)

    assert refused.exit_code == 1
    assert re.search(
        rf"store store: {FOLDER}x is not a lease that this program wrote; remove it "
        "when nobody adds to the store",
        str(refused.outcomes[0].error),
    )
    assert there(workspace, old)


def test_elsewhere_the_lease_of_a_killed_server_ends_when_its_time_is_over(
    workspace: Workspace, old: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk = lone(workspace, old)
    far = workspace / "far"
    far.mkdir()
    for name in ("store", "indexes"):
        (workspace / name).rename(far / name)
    content = (workspace / "blob.caibx").read_bytes()
    with running_sshd(workspace / "sshd") as sshd:
        monkeypatch.setenv("HOME", str(make_home(sshd, workspace / "home")))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        below = f"{sshd.url('sftp', far)}/"
        with chunk_server("-s", f"{below}store", "-w", directory=workspace.path) as server:
            found = ask(server.url, path_of(chunk), "HEAD")
            server.stop(signal.SIGKILL)
        first = prune(workspace, below=below)
        flags = ("-s", f"{below}indexes", "-w", "--chunk-store", f"{below}store")
        with serving(workspace, ("index-server", "-l", "127.0.0.1:0", *flags)) as server:
            put = ask(server.url, "/blob.caibx", "PUT", content)
            strange = ask(server.url, "/a%20b%3f.caibx", "PUT", content)
        place = cast("CreatingPlace", open_remote(f"{below}store"))
        published = [one.url for one in LedgerLog(place, NeverStopped()).latest().published]
        later = Clock(now=lambda: time.time() + 600 + 600 + SKEW)
        monkeypatch.setattr("desync_jobs.stores.leases.ledgered.Clock", lambda: later)
        second = prune(workspace, below=below)

    assert (found.status, put.status, strange.status) == (200, 200, 200)
    assert first.exit_code == 7
    assert "store store is in use by serve-chunks of " in str(first.outcomes[0].error)
    assert published == [f"{below}indexes/blob.caibx", f"{below}indexes/a%20b%3F.caibx"]
    assert second.exit_code == 0
    assert chunk_file(far / "store", chunk).exists()
