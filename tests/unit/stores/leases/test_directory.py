import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from desync_jobs.errors import LockedError, StoreError
from desync_jobs.stores.leases import directory
from desync_jobs.stores.leases.directory import DirectoryLease
from desync_jobs.stores.leases.promises import FOLDER
from desync_jobs.stores.leases.publications import FOLDER as NOTES
from desync_jobs.stores.leases.publications import PublicationLists
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.leases.standing import StandingDirectoryLease
from desync_jobs.stores.objects.directory import DirectoryPlace
from desync_jobs.stores.policy.values import NeverStopped

HOLDER = """
import sys
from desync_jobs.stores.leases.directory import DirectoryLease
from desync_jobs.stores.leases.role import Role
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


def test_a_store_that_a_writer_is_about_to_create_is_locked_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet"
    lease = take(path, Role.WRITER)

    with pytest.raises(LockedError, match="is in use by another program"):
        take(path, Role.COLLECTOR)

    lease.give_back()
    take(path, Role.COLLECTOR).give_back()


def test_what_is_no_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="file cannot be opened: Not a directory"):
        take(tmp_path / "file", Role.COLLECTOR)
    take(tmp_path / "file", Role.WRITER).give_back()  # the store says it when it is written to


def test_a_collector_waits_until_what_was_promised_to_clients_is_over(tmp_path: Path) -> None:
    told: list[str] = []
    dead = StandingDirectoryLease("s", str(tmp_path), "serve-chunks of ci@host", 0.4)
    dead.take(0, NeverStopped(), told.append)
    began = time.time()
    dead.promise()
    dead.leave()
    take(tmp_path, Role.WRITER).give_back()
    take(tmp_path, Role.COLLECTOR, 20, told).give_back()

    assert time.time() - began > 0.4
    (line,) = told
    assert line.startswith("store s is in use by serve-chunks of ci@host, until 20")
    assert line.endswith(" there says; waiting for that to end")
    assert os.listdir(tmp_path / FOLDER) == []


def test_indexes_that_appear_are_told_to_every_collector_after_that(tmp_path: Path) -> None:
    writer = take(tmp_path, Role.WRITER)
    writer.publishes(["s3://b/x", "s3://b/y"])
    writer.give_back()
    collector = take(tmp_path, Role.COLLECTOR)

    assert collector.published() == ("s3://b/x", "s3://b/y")
    assert collector.published() == ("s3://b/x", "s3://b/y")


def test_who_publishes_removes_old_notes_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = PublicationLists(DirectoryPlace("s", str(tmp_path)))
    lists.put(["s3://b/old"], time.time() - 7200)
    writer = take(tmp_path, Role.WRITER)
    monkeypatch.setattr(directory, "randbelow", lambda _: 1)
    writer.publishes(["s3://b/x"])
    before = len(os.listdir(tmp_path / NOTES))
    monkeypatch.setattr(directory, "randbelow", lambda _: 0)
    writer.publishes(["s3://b/x"])

    assert before == 2
    assert lists.urls((), time.time() - 7200) == ["s3://b/x"]


def test_nothing_is_noted_of_a_store_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told: list[str] = []
    take(tmp_path / "file" / "none", Role.WRITER, 0, told).publishes(["s3://b/x"])

    assert take(tmp_path / "none", Role.COLLECTOR).published() == ()
    assert os.listdir(tmp_path) == ["file"]
    assert told == []


def test_an_index_appears_with_a_warning_where_its_publisher_may_not_write_to_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("desync_jobs.stores.objects.directory.os.makedirs", denied)
    told: list[str] = []
    take(tmp_path, Role.WRITER, 0, told).publishes(["s3://b/x"])

    (warning,) = told
    assert warning == (
        "store s: prune it only when listings show the indexes that appear now: they cannot be "
        f"noted in {tmp_path}/desync-run/published/: Permission denied"
    )


def test_no_index_appears_that_cannot_be_noted_for_another_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    lease = take(tmp_path, Role.WRITER)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"cannot write .*/desync-run/published/.*: No space"):
        lease.publishes(["s3://b/x"])
