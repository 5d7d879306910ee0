"""What a run has opened elsewhere ends with it, in a process that goes on."""

import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desync_jobs.api import Settings, plan, run, status
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.manifest.load import job_from_document
from desync_jobs.report.events import Event, StepStarted
from desync_jobs.stores.places import Places
from tests.servers.nginx import Nginx, running_nginx
from tests.servers.rclone import running_rclone
from tests.servers.s3_places import ACCESS_KEY, SECRET_KEY, S3Server
from tests.servers.sftp_places import make_home
from tests.servers.sshd import Sshd, running_sshd
from tests.workspace import Workspace


@dataclass(frozen=True)
class Servers:
    nginx: Nginx
    s3: S3Server
    sshd: Sshd
    home: Path


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    base = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        sshd = stack.enter_context(running_sshd(base / "sshd"))
        nginx = stack.enter_context(running_nginx(base / "nginx"))
        s3 = stack.enter_context(running_rclone(base / "rclone"))
        yield Servers(nginx, s3, sshd, make_home(sshd, base / "home"))


@pytest.fixture
def document(
    workspace: Workspace, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Copy to S3 from a web server that others race, and verify that and what is on others."""
    monkeypatch.setenv("HOME", os.fspath(servers.home))
    monkeypatch.setenv("CASYNC_SSH_PATH", os.fspath(servers.sshd.program))
    name = workspace.path.name
    store = servers.nginx.root / name
    workspace.places["store"] = {"url": os.fspath(store)}
    workspace.make("blob", np.random.default_rng(1).bytes(1 << 20), chunk_size="2KiB:4KiB:16KiB")
    (workspace / "access").write_text(ACCESS_KEY)
    (workspace / "secret").write_text(SECRET_KEY)
    return {
        "version": 1,
        "policy": {"attempts": 2, "backoff": "1ms"},
        "stores": {
            "web": {"url": f"{servers.nginx.url}/{name}", "hedge_after": "1ms"},
            "files": {"url": servers.sshd.url("sftp", store)},
            "pull": {"url": servers.sshd.url("ssh", store)},
        },
        "caches": {
            "bucket": {
                "url": servers.s3.place(name),
                "credentials": {
                    "access_key": {"file": "access"},
                    "secret_key": {"file": "secret"},
                },
                "region": "us-east-1",
            }
        },
        "operations": {
            "fill": {
                "kind": "cache",
                "indexes": ["blob.caibx"],
                "stores": ["web", "files"],
                "cache": "bucket",
            },
            "check": {"kind": "verify", "store": "bucket", "after": ["fill"]},
            "look": {"kind": "verify", "store": "files"},
            "read": {
                "kind": "extract",
                "index": "blob.caibx",
                "target": "copy",
                "stores": ["pull"],
            },
        },
    }


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Threads and sockets are those from before, though the collector never came by."""
    gc.collect()
    threads, sockets = set(threading.enumerate()), open_sockets()
    gc.disable()
    try:
        yield
        end = time.monotonic() + 5
        while set(threading.enumerate()) - threads or open_sockets() - sockets:
            # Threads that were told to end have to come by.
            assert time.monotonic() < end, (
                [one.name for one in set(threading.enumerate()) - threads],
                open_sockets() - sockets,
            )
            time.sleep(0.01)
    finally:
        gc.enable()


def open_sockets() -> set[str]:
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{fd}"))
        except FileNotFoundError:
            continue
    return {one for one in found if one.startswith("socket:") or "epoll" in one}


class Stopping:
    """A reporter that stops the run when an operation begins."""

    def __init__(self, operation: str, cancel: Cancel) -> None:
        self._operation = operation
        self._cancel = cancel

    def emit(self, event: Event) -> None:
        if isinstance(event, StepStarted) and event.operation == self._operation:
            self._cancel.stop("SIGTERM")

    def close(self) -> None:
        """Have nothing to release."""


@pytest.mark.usefixtures("nothing_left")
def test_a_run_leaves_no_thread_and_no_connection(
    document: dict[str, Any], workspace: Workspace
) -> None:
    result = run(job_from_document(document, os.fspath(workspace.path), "job"))

    assert result.exit_code == 0, [one.error for one in result.outcomes]
    assert (workspace / "copy").read_bytes() == (workspace / "blob").read_bytes()


@pytest.mark.usefixtures("nothing_left")
def test_nor_does_one_that_fails(
    document: dict[str, Any], workspace: Workspace, servers: Servers
) -> None:
    next((servers.nginx.root / workspace.path.name).rglob("*.cacnk")).unlink()
    result = run(job_from_document(document, os.fspath(workspace.path), "job"))

    assert result.exit_code == 5, [one.error for one in result.outcomes]


@pytest.mark.usefixtures("nothing_left")
def test_nor_one_that_is_stopped(document: dict[str, Any], workspace: Workspace) -> None:
    cancel = Cancel()
    job = job_from_document(document, os.fspath(workspace.path), "job")
    result = run(job, Settings(Stopping("check", cancel), cancel=cancel))

    assert result.exit_code == 143, [one.error for one in result.outcomes]


@pytest.mark.usefixtures("nothing_left")
def test_nor_do_a_plan_and_a_status(document: dict[str, Any], workspace: Workspace) -> None:
    job = job_from_document(document, os.fspath(workspace.path), "job")

    assert len(plan(job).steps) == 4
    assert len(status(job).operations) == 4


def test_places_are_closed_once_and_the_last_one_first() -> None:
    closed: list[str] = []
    places = Places()
    places.at_end(lambda: closed.append("first"))
    places.at_end(lambda: closed.append("second"))
    places.close()
    places.close()

    assert closed == ["second", "first"]
