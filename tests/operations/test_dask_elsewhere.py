"""Clusters whose workers have their own environment, and whose stores are on real servers."""

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
from distributed import Client

from desync_jobs.api import Settings, run
from desync_jobs.errors import ClusterError
from desync_jobs.execute.result import Result
from desync_jobs.manifest.load import job_from_document
from desync_jobs.report.events import Event, Reporter, SilentReporter, StepStarted
from tests.operations.clusters import outcomes
from tests.servers.dask import Scheduler, running_scheduler, running_worker, wait_for_workers
from tests.servers.nginx import Nginx, running_nginx
from tests.servers.rclone import running_rclone
from tests.servers.relay import Relay
from tests.servers.s3_places import ACCESS_KEY, SECRET_KEY, S3Server
from tests.servers.sftp_places import make_home
from tests.servers.sshd import Sshd, running_sshd
from tests.workspace import Workspace, chunk_files

TOKEN = "Bearer of-the-workers-alone"  # noqa: S105 - opens nothing but the server of these tests
_LOCKED = f"""
location /locked/ {{ if ($http_authorization != "{TOKEN}") {{ return 401; }} }}
"""
POLICY = {"attempts": 2, "backoff": "1ms", "connect_timeout": "2s"}


@dataclass(frozen=True)
class Elsewhere:
    """Two workers, all of whose traffic with their scheduler goes by `relay`, and servers."""

    scheduler: Scheduler
    relay: Relay
    nginx: Nginx
    s3: S3Server
    sshd: Sshd
    home: Path

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.relay.port}"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    base = tmp_path_factory.mktemp("elsewhere")
    with ExitStack() as stack:
        scheduler = stack.enter_context(running_scheduler())
        relay = Relay(scheduler.port)
        stack.callback(relay.close)
        sshd = stack.enter_context(running_sshd(base / "sshd"))
        home = make_home(sshd, base / "home")
        url = f"tcp://127.0.0.1:{relay.port}"
        variables = {"TOKEN_OF_WORKERS": TOKEN, "HOME": os.fspath(home)}
        for _ in range(2):
            stack.enter_context(running_worker(url, variables=variables))
        nginx = stack.enter_context(running_nginx(base / "nginx", more=_LOCKED))
        s3 = stack.enter_context(running_rclone(base / "rclone"))
        wait_for_workers(scheduler.url, 2)
        yield Elsewhere(scheduler, relay, nginx, s3, sshd, home)


@pytest.fixture
def made(workspace: Workspace, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Some hundred chunks below the server's root, enough for some shares; secrets in files."""
    monkeypatch.setattr("desync_jobs.execute.engines.dask._CHUNKS", 64)
    monkeypatch.setenv("HOME", os.fspath(elsewhere.home))
    store = elsewhere.nginx.root / "locked" / workspace.path.name
    store.parent.mkdir(exist_ok=True)
    workspace.places["store"] = {"url": os.fspath(store)}
    workspace.make("blob", np.random.default_rng(1).bytes(1 << 20), chunk_size="2KiB:4KiB:16KiB")
    (workspace / "access").write_text(ACCESS_KEY)
    (workspace / "secret").write_text(SECRET_KEY)
    return workspace


def on(
    made: Workspace,
    elsewhere: Elsewhere,
    engine: dict[str, Any],
    reporter: Reporter | None = None,
    **web: Any,
) -> Result:
    """Copy from the web server to S3, and verify what came there and what is on the SFTP server."""
    name = made.path.name
    store = elsewhere.nginx.root / "locked" / name
    keys = {"access_key": {"file": "access"}, "secret_key": {"command": ["cat", "secret"]}}
    document = {
        "version": 1,
        "policy": POLICY,
        "engine": engine,
        "stores": {
            "web": {
                "url": f"{elsewhere.nginx.url}/locked/{name}",
                "http_auth": {"env": "TOKEN_OF_WORKERS"},
                **web,
            },
            "files": {"url": elsewhere.sshd.url("sftp", store)},
        },
        "caches": {
            "bucket": {
                "url": elsewhere.s3.place(f"{name}-{engine['kind']}"),
                "credentials": keys,
                "region": "us-east-1",
            }
        },
        "operations": {
            "fill": {
                "kind": "cache",
                "indexes": ["blob.caibx"],
                "stores": ["web"],
                "cache": "bucket",
            },
            "check": {"kind": "verify", "store": "bucket", "after": ["fill"]},
            "look": {"kind": "verify", "store": "files"},
        },
    }
    job = job_from_document(document, os.fspath(made.path), "job")
    return run(job, Settings(reporter or SilentReporter()))


def test_workers_ask_stores_on_servers_with_secrets_that_are_theirs(
    made: Workspace, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.relay.heard = []
    there = on(made, elsewhere, {"kind": "dask", "scheduler": elsewhere.url})
    heard, elsewhere.relay.heard = b"".join(elsewhere.relay.heard), None
    monkeypatch.setenv("TOKEN_OF_WORKERS", TOKEN)
    here = on(made, elsewhere, {"kind": "local", "workers": 2})

    assert there.exit_code == 0, [one.error for one in there.outcomes]
    assert outcomes(here) == outcomes(there)
    count = len(chunk_files(elsewhere.nginx.root / "locked" / made.path.name))
    assert [one.statistics.get("chunks") for one in there.outcomes] == [None, count, count]
    assert all(name in heard for name in (b"TOKEN_OF_WORKERS", b"secret_key", b"do_share"))
    assert not [one for one in (TOKEN, ACCESS_KEY, SECRET_KEY) if one.encode() in heard]


def test_a_run_leaves_nothing_open_on_workers(
    made: Workspace, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_OF_WORKERS", TOKEN)

    def of_places() -> list[str]:
        names = [one.name for one in threading.enumerate()]
        return [name for name in names if name.startswith(("calls", "sftp", "hedge"))]

    result = on(made, elsewhere, {"kind": "dask", "scheduler": elsewhere.url})
    with Client(elsewhere.scheduler.url, set_as_default=False) as client:
        end = time.monotonic() + 10
        while any((left := client.run(of_places)).values()):
            assert time.monotonic() < end, left
            time.sleep(0.05)

    assert result.exit_code == 0, [one.error for one in result.outcomes]
    assert len(left) == 2


@pytest.mark.parametrize(
    ("web", "reason"),
    [
        ({"http_auth": {"env": "TOKEN_OF_NOBODY"}}, "TOKEN_OF_NOBODY is not set"),
        ({"http_auth": {"file": "access"}}, "401"),
        ({"url": "http://127.0.0.1:1/"}, "store web: "),
    ],
)
def test_a_store_that_a_worker_cannot_ask_is_refused_before_anything_runs(
    made: Workspace,
    elsewhere: Elsewhere,
    web: dict[str, Any],
    reason: str,
) -> None:
    with pytest.raises(ClusterError) as raised:
        on(made, elsewhere, {"kind": "dask", "scheduler": elsewhere.url}, **web)

    assert str(raised.value).startswith("engine dask: worker tcp://127.0.0.1:")
    assert ": store web: " in str(raised.value)
    assert reason in str(raised.value)
    assert "; nothing was done; " in str(raised.value)


class Joining:
    """A reporter that has a worker join as soon as the first step begins."""

    def __init__(self, stack: ExitStack, elsewhere: Elsewhere, variables: dict[str, str]) -> None:
        self._stack = stack
        self._elsewhere = elsewhere
        self._variables = variables
        self.joined = False

    def emit(self, event: Event) -> None:
        if isinstance(event, StepStarted) and not self.joined:
            self.joined = True
            url = self._elsewhere.scheduler.url
            self._stack.enter_context(running_worker(url, variables=self._variables))
            wait_for_workers(url, 3)

    def close(self) -> None:
        """Have nothing to release."""


def test_a_worker_that_comes_later_and_lacks_a_library_is_named(
    made: Workspace, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "pycurl.py").write_text(
        "raise ModuleNotFoundError('No module named pycurl', name='pycurl')"
    )
    lacking = {"PYTHONPATH": os.fspath(tmp_path / "shadow"), "TOKEN_OF_WORKERS": TOKEN}
    with ExitStack() as stack:
        joining = Joining(stack, elsewhere, lacking)
        result = on(made, elsewhere, {"kind": "dask", "scheduler": elsewhere.url}, joining)

    message = str(result.outcomes[0].error)
    assert message.startswith("engine dask: worker tcp://127.0.0.1:")
    assert message.endswith("store web: http needs pycurl: pip install 'desync-jobs[http]'")
    assert result.exit_code == 1
