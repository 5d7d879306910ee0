"""Who adds to a store has a lease of it, and does not begin while somebody deletes from it."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from desync_jobs.api import Settings, run
from desync_jobs.errors import LockedError
from desync_jobs.execute.result import Result
from desync_jobs.manifest.load import job_from_document
from desync_jobs.report.events import Warned
from desync_jobs.stores import leasing
from tests.blobs import blob
from tests.workspace import Collector, Workspace

MAKE = {"kind": "make", "blob": "blob", "index": "blob.caibx", "store": "store"}


@pytest.fixture
def store(workspace: Workspace) -> Path:
    (workspace / "blob").write_bytes(blob("first"))
    (workspace / "store").mkdir()
    return workspace / "store"


@pytest.fixture
def collected(store: Path) -> Iterator[int]:
    """A descriptor through which the store is had as a collector has it."""
    fd = os.open(store, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    yield fd
    os.close(fd)


def make(workspace: Workspace, wait: str = "0s", **of_store: Any) -> tuple[Result, list[str]]:
    """Run `make`; returns what came of it and the warnings."""
    document = {
        "version": 1,
        "lease_wait": wait,
        "stores": {"store": {"url": "store", **of_store}},
        "operations": {"make": MAKE},
    }
    collector = Collector()
    job = job_from_document(document, str(workspace.path), "job.toml")
    result = run(job, Settings(reporter=collector))
    return result, [event.message for event in collector.events if isinstance(event, Warned)]


def test_nothing_is_added_to_a_store_while_somebody_deletes_from_it(
    workspace: Workspace, store: Path, collected: int
) -> None:
    del collected
    result, _ = make(workspace)

    assert result.exit_code == 7
    assert str(result.outcomes[0].error).startswith(f"store store ({store}) is in use by ")
    assert os.listdir(store) == []
    assert not (workspace / "blob.caibx").exists()


def test_who_adds_waits_until_the_deleting_is_done_and_says_so(
    workspace: Workspace, store: Path, collected: int
) -> None:
    timer = Timer(0.5, fcntl.flock, [collected, fcntl.LOCK_UN])
    timer.start()
    result, warnings = make(workspace, "1min")
    timer.join()

    assert result.exit_code == 0
    (told,) = warnings
    assert told.startswith("store store is in use by ")
    assert told.endswith("; waiting for that to end")
    assert sorted(os.listdir(store)) != []


def test_a_store_without_leases_is_added_to_at_any_time(
    workspace: Workspace, store: Path, collected: int
) -> None:
    del store, collected
    result, _ = make(workspace, leases=False)

    assert result.exit_code == 0


def test_a_lease_is_given_back_with_the_end_of_the_operation(
    workspace: Workspace, store: Path
) -> None:
    make(workspace)
    fd = os.open(store, os.O_RDONLY)

    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(fd)


def test_several_operations_add_to_a_store_at_the_same_time(
    workspace: Workspace, store: Path
) -> None:
    fd = os.open(store, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)

    assert make(workspace)[0].exit_code == 0
    os.close(fd)


def test_no_index_appears_when_the_lease_was_lost(
    workspace: Workspace, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_self: object) -> None:
        raise LockedError("store store: this run's lease was lost")

    monkeypatch.setattr("desync_jobs.stores.leases.directory.DirectoryLease.check", lost)
    result, _ = make(workspace)

    assert result.exit_code == 7
    assert not (workspace / "blob.caibx").exists()
    assert os.listdir(store) == []


def test_an_owner_can_be_found(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    owners: list[str] = []
    plainly = leasing.take_lease

    def take_lease(asking: leasing.Asking, *arguments: Any) -> Any:
        owners.append(asking.owner)
        return plainly(asking, *arguments)

    monkeypatch.setattr(leasing, "take_lease", take_lease)
    (workspace / "blob").write_bytes(b"x")
    make(workspace)

    (owner,) = owners
    assert owner.startswith("make of ")
    assert owner.endswith(f", process {os.getpid()}")
