"""Who is asked to stop gives its lease back, and nobody waits for it."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from desync_jobs.stores.leases.ledger import Entry
from desync_jobs.stores.leases.ledgered import Clock, LedgeredLease
from desync_jobs.stores.leases.log import LedgerLog
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.objects.base import ObjectPlace
from desync_jobs.stores.policy.values import NeverStopped
from tests.blobs import blob
from tests.conftest import Run, Start
from tests.servers.moto import running_moto
from tests.servers.rclone import running_rclone
from tests.servers.s3_places import ENVIRONMENT, S3Server, open_remote


@pytest.fixture(params=["one alone makes what is new", "everybody may overwrite"])
def far(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[S3Server]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    server: AbstractContextManager[S3Server] = running_moto()
    if request.param == "everybody may overwrite":
        server = running_rclone(tmp_path / "served")
    with server as one:
        yield one


def owners(place: ObjectPlace) -> list[Entry]:
    log = LedgerLog(place, NeverStopped())  # type: ignore[arg-type] # it creates
    return [*log.latest().leases, *log.flags.hindering(Role.COLLECTOR, "me", time.time())]


@contextmanager
def begun(start: Start, place: ObjectPlace, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Lend a process as soon as the ledger knows it."""
    with start(*command, **ENVIRONMENT) as process:
        end = time.monotonic() + 60
        while not owners(place) and time.monotonic() < end:
            time.sleep(0.05)
        assert owners(place)
        yield process


def test_a_writer_that_is_stopped_is_in_nobodys_way(far: S3Server, start: Start) -> None:
    url = far.place("chunks")
    place = open_remote(url)

    with begun(start, place, "make", "-s", url, "slow.caibx", "-") as writer:
        assert writer.stderr is not None
        writer.send_signal(signal.SIGTERM)
        told = writer.stderr.read()

    assert (writer.returncode, told) == (
        143,
        b"desync-run: stopped by SIGTERM; what was published before is complete\n",
    )
    assert owners(place) == []


@pytest.mark.parametrize("far", ["one alone makes what is new"], indirect=True)
def test_a_collector_that_is_stopped_while_it_waits_leaves_the_line(
    far: S3Server, start: Start, desync_run: Run, tmp_path: Path
) -> None:
    (tmp_path / "blob").write_bytes(blob("first"))
    url = far.place("chunks")
    for size in ("16:64:256", "8:32:128"):
        desync_run("make", "-s", url, "-m", size, "blob.caibx", "blob", **ENVIRONMENT)
    place = open_remote(url)
    log = LedgerLog(place, NeverStopped())  # type: ignore[arg-type] # it creates
    writer = LedgeredLease("far", log, "make of ci@host", Clock())
    writer.take(Role.WRITER, 0, NeverStopped(), print)

    with start("prune", "-s", url, "-y", "blob.caibx", **ENVIRONMENT) as collector:
        assert collector.stderr is not None
        told = collector.stderr.readline()
        collector.send_signal(signal.SIGINT)
        collector.stderr.read()
    others = [one.owner for one in owners(place)]
    writer.give_back()

    assert told.endswith(b"in use by make of ci@host (writer); waiting for that to end\n")
    assert collector.returncode == 130
    assert set(others) == {"make of ci@host"}
