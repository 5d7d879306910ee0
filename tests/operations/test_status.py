"""`status`: what of a job is as declared, to do or interrupted; it changes nothing."""

import fcntl
import json
import subprocess
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import pytest

import desync_jobs
from desync_jobs.api import Settings
from desync_jobs.execute.status import JobStatus, State
from desync_jobs.execute.status_words import describe
from tests.vectors.inputs import ctr
from tests.workspace import Workspace, chunk_file, stamps

Run = Callable[..., subprocess.CompletedProcess[bytes]]

BLOB = ctr(12 << 20, b"status")
GET: dict[str, Any] = {
    "kind": "extract",
    "index": "blob.caibx",
    "target": "copy",
    "stores": ["store"],
}
JOB = """\
version = 1
name = "update"
[stores.store]
url = "store"
[variables.target]
[operations.get]
kind = "extract"
index = "blob.caibx"
target = "${target}"
stores = ["store"]
[operations.check]
kind = "verify"
store = "store"
"""


def status_of(workspace: Workspace, operations: Mapping[str, Mapping[str, Any]]) -> JobStatus:
    settings = Settings(stdin=BytesIO(), stdout=BytesIO())
    return desync_jobs.status(workspace.job(operations), settings)


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    workspace.make("blob", BLOB, chunk_size="16KiB:64KiB:256KiB")
    return workspace


@pytest.fixture
def interrupted(ready: Workspace) -> Workspace:
    """A run has failed, because the store lacks the last chunk; by now it has it."""
    index = ready.index("blob.caibx")
    path = chunk_file(ready / "store", index.id(len(index) - 1))
    data = path.read_bytes()
    path.unlink()
    assert ready.run({"get": GET}).result.exit_code == 5
    path.write_bytes(data)
    return ready


def test_what_is_to_do_is_as_declared_when_it_is_done(ready: Workspace) -> None:
    before = status_of(ready, {"get": GET})
    ready.run({"get": GET})
    after = status_of(ready, {"get": GET})

    assert (before.exit_code, after.exit_code) == (2, 0)
    assert [one.state for one in before.operations] == [State.TO_DO]
    assert [one.state for one in after.operations] == [State.AS_DECLARED]
    assert describe(before) == "get  to do  the target does not exist"
    assert describe(after) == ("get  as declared  the target already is what the index describes")


def test_an_interrupted_extraction_says_how_far_it_is(interrupted: Workspace) -> None:
    before = stamps(interrupted.path)
    found = status_of(interrupted, {"get": GET})
    (one,) = found.operations
    (kept,) = one.kept
    ended = interrupted.run({"get": GET})
    index = interrupted.index("blob.caibx")

    assert stamps(interrupted.path).keys() - before.keys() == {"copy"}
    assert found.exit_code == 2
    assert one.state is State.INTERRUPTED
    assert kept.path == str(interrupted / ".copy.desync-run.tmp")
    assert kept.journal == str(interrupted / ".copy.desync-run.journal")
    assert (kept.fits, kept.locked) == (True, False)
    assert (kept.chunks_total, kept.bytes_total) == (len(index), len(BLOB))
    assert kept.chunks_done + kept.chunks_doubtful == ended.statistics["chunks_in_place"]
    assert 0 < (kept.bytes_done or 0) < len(BLOB)


def test_it_is_read_only(interrupted: Workspace) -> None:
    before = stamps(interrupted.path)
    status_of(interrupted, {"get": GET})

    assert stamps(interrupted.path) == before


def test_an_extraction_in_place_is_shown_with_its_target(interrupted: Workspace) -> None:
    in_place = {**GET, "in_place": True, "target": "other"}
    index = interrupted.index("blob.caibx")
    chunk_file(interrupted / "store", index.id(len(index) - 1)).unlink()
    interrupted.run({"get": in_place})
    (one,) = status_of(interrupted, {"get": in_place}).operations

    assert one.state is State.INTERRUPTED
    assert [kept.path for kept in one.kept] == [str(interrupted / "other")]


def test_a_journal_about_another_index_is_named_as_such(interrupted: Workspace) -> None:
    interrupted.make("blob", BLOB[::-1], chunk_size="16KiB:64KiB:256KiB")
    (one,) = status_of(interrupted, {"get": GET}).operations

    assert [(kept.fits, kept.bytes_done) for kept in one.kept] == [(False, None)]
    assert "nothing, the journal is about another index: the next run begins anew" in describe(
        JobStatus("", (one,))
    )


def test_a_hidden_file_without_a_journal_is_named_as_such(interrupted: Workspace) -> None:
    (interrupted / ".copy.desync-run.journal").unlink()
    (one,) = status_of(interrupted, {"get": GET}).operations

    assert [kept.journal for kept in one.kept] == [None]
    assert "unknown, there is no journal: the next run begins anew" in describe(
        JobStatus("", (one,))
    )


def test_a_run_that_is_at_it_is_seen_and_not_disturbed(interrupted: Workspace) -> None:
    with (interrupted / ".copy.desync-run.journal").open("rb") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        found = status_of(interrupted, {"get": GET})

    assert [kept.locked for kept in found.operations[0].kept] == [True]
    assert describe(found).endswith("\n    a run is at it now")


def test_what_is_blocked_gives_its_exit_code(ready: Workspace) -> None:
    jobs = {
        "get": {**GET, "index": "nowhere.caibx"},
        "later": {"kind": "verify-index", "index": "blob.caibx", "blob": "copy"},
    }
    found = status_of(ready, jobs)

    assert found.exit_code == 5
    assert {one.operation: one.state for one in found.operations} == {
        "get": State.BLOCKED,
        "later": State.DEFERRED,
    }


def test_each_of_several_targets_is_looked_at(interrupted: Workspace) -> None:
    many = {"kind": "extract", "stores": ["store"]}
    blobs = [{"index": "blob.caibx", "target": name} for name in ("copy", "other")]
    (one,) = status_of(interrupted, {"get": {**many, "blobs": blobs}}).operations

    assert one.state is State.INTERRUPTED
    assert [(kept.target, kept.fits) for kept in one.kept] == [(str(interrupted / "copy"), True)]


def test_the_command_prints_lines_or_json(interrupted: Workspace, desync_run: Run) -> None:
    (interrupted / "job.toml").write_text(JOB)
    lines = desync_run("status", "job.toml", "--var", "target=copy")
    value = desync_run("status", "job.toml", "--var", "target=copy", "--json")
    quiet = desync_run("status", "job.toml", "--var", "target=new", "--quiet")
    said = json.loads(value.stdout)
    first, *kept, last = lines.stdout.decode().splitlines()

    assert [one.returncode for one in (lines, value, quiet)] == [2, 2, 2]
    assert [one.stderr for one in (lines, value, quiet)] == [b"", b"", b""]
    assert first.startswith("get    interrupted      an earlier run was interrupted with ")
    assert [line.split()[0] for line in kept] == ["right", "written", "in", "journal"]
    assert last.startswith("check  done every time  ")
    assert (said["schema"], said["job"], said["exit_code"]) == ("desync-run.status/1", "update", 2)
    assert [one["state"] for one in said["operations"]] == ["interrupted", "done every time"]
    assert said["operations"][0]["kept"][0]["chunks_done"] > 0
    assert quiet.stdout == b""
