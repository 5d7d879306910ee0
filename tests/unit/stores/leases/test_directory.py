import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from desync_jobs.errors import LockedError, StoreError
from desync_jobs.stores.leases.directory import DirectoryLease
from desync_jobs.stores.leases.ledger import Role
from desync_jobs.stores.policy.values import NeverStopped

HOLDER = """
import sys
from desync_jobs.stores.leases.directory import DirectoryLease, Role
from desync_jobs.stores.policy.values import NeverStopped
DirectoryLease("s", sys.argv[1]).take(Role(sys.argv[2]), 0, NeverStopped(), print)
print("had", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path, role: Role) -> Iterator[subprocess.Popen[str]]:
    """Let another process have the lease."""
    command = [sys.executable, "-c", f"lease = None\n{HOLDER}", str(path), role.value]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "had\n"
        yield process
        process.kill()


def take(
    path: Path, role: Role, wait: float = 0.0, told: list[str] | None = None
) -> DirectoryLease:
    lease = DirectoryLease("s", str(path))
    lease.take(role, wait, NeverStopped(), ([] if told is None else told).append)
    return lease


def test_writers_of_several_processes_have_a_store_together(tmp_path: Path) -> None:
    with held(tmp_path, Role.WRITER):
        lease = take(tmp_path, Role.WRITER)
    lease.check()
    lease.give_back()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (Role.WRITER, Role.COLLECTOR),
        (Role.COLLECTOR, Role.WRITER),
        (Role.COLLECTOR, Role.COLLECTOR),
    ],
)
def test_a_collector_has_a_store_alone(tmp_path: Path, theirs: Role, ours: Role) -> None:
    with held(tmp_path, theirs) as process, pytest.raises(LockedError) as raised:
        take(tmp_path, ours)

    assert str(raised.value).startswith(
        f"store s ({tmp_path}) is in use by process {process.pid} of this machine; run again"
    )


def test_a_process_that_is_killed_has_nothing_any_more(tmp_path: Path) -> None:
    told: list[str] = []
    with held(tmp_path, Role.WRITER) as process:
        process.kill()
        take(tmp_path, Role.COLLECTOR, 20, told).give_back()


def test_a_store_that_is_not_there_yet_is_had_by_nobody(tmp_path: Path) -> None:
    take(tmp_path / "none", Role.COLLECTOR).give_back()

    assert not (tmp_path / "none").exists()


def test_what_is_no_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="file cannot be opened: Not a directory"):
        take(tmp_path / "file", Role.COLLECTOR)
    take(tmp_path / "file", Role.WRITER).give_back()  # the store says it when it is written to
