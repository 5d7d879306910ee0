"""Jobs of several operations: order, late planning, failures, and what a second run does."""

from pathlib import Path
from typing import Any

import pytest

from desync_jobs.errors import ManifestError
from desync_jobs.planner.step import Action
from desync_jobs.report.events import PhaseAdvanced, TotalChanged
from tests.blobs import NAMES, blob
from tests.workspace import (
    SMALL,
    Collector,
    How,
    Workspace,
    chunk_file,
    chunk_files,
    ids_of,
    overwrite,
    stamps,
)

Operations = dict[str, dict[str, Any]]

MAKE = {
    "kind": "make",
    "blob": "blob",
    "index": "blob.caibx",
    "store": "store",
    "chunk_size": SMALL,
}
EXTRACT = {"kind": "extract", "index": "blob.caibx", "target": "copy", "stores": ["store"]}
CHECK = {"kind": "verify-index", "index": "blob.caibx", "blob": "copy"}


@pytest.mark.parametrize("name", NAMES)
def test_a_blob_is_made_extracted_and_verified_in_one_job(workspace: Workspace, name: str) -> None:
    """The operations are declared in the wrong order, and run in the right one."""
    (workspace / "blob").write_bytes(blob(name))
    operations: Operations = {"check": CHECK, "extract": EXTRACT, "make": MAKE}
    planned = workspace.plan(operations)
    ended = workspace.run(operations)

    assert [(step.operation, step.action) for step in planned.steps] == [
        ("make", Action.RUN),
        ("extract", Action.DEFERRED),
        ("check", Action.DEFERRED),
    ]
    assert planned.steps[1].reason == "planned when make is done"
    assert ended.statuses == {"make": "done", "extract": "done", "check": "done"}
    assert (workspace / "copy").read_bytes() == blob(name)


def test_a_second_run_of_a_job_does_nothing_but_verify(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(blob("first"))
    operations: Operations = {"make": MAKE, "extract": EXTRACT, "check": CHECK}
    workspace.run(operations)
    before = stamps(workspace.path)
    planned = workspace.plan(operations)
    ended = workspace.run(operations)

    assert not planned.changes
    assert ended.statuses == {"make": "unchanged", "extract": "unchanged", "check": "done"}
    assert ended.result.exit_code == 0
    assert stamps(workspace.path) == before


def test_planning_changes_nothing(workspace: Workspace) -> None:
    workspace.make("old", blob("second"))
    (workspace / "blob").write_bytes(blob("first"))
    before = stamps(workspace.path)
    operations: Operations = {
        "make": MAKE,
        "extract": EXTRACT,
        "old": {**EXTRACT, "index": "old.caibx", "target": "older", "in_place": True},
        "cache": {"kind": "cache", "indexes": ["old.caibx"], "stores": ["store"], "cache": "c"},
        "list": {"kind": "list-chunks", "index": "old.caibx", "output": "list"},
    }
    planned = workspace.plan(operations)

    assert planned.changes
    assert stamps(workspace.path) == before
    assert {path.name for path in workspace.path.iterdir()} == {"blob", "old", "old.caibx", "store"}


def test_one_index_serves_several_operations_in_the_order_of_the_data(
    workspace: Workspace,
) -> None:
    (workspace / "blob").write_bytes(blob("first"))
    ended = workspace.run(
        {
            "info": {"kind": "info", "index": "blob.caibx", "stores": ["copied"]},
            "cache": {
                "kind": "cache",
                "indexes": ["blob.caibx"],
                "stores": ["store"],
                "cache": "copied",
            },
            "verify": {"kind": "verify", "store": "store"},
            "make": MAKE,
        }
    )

    assert [outcome.operation for outcome in ended.result.outcomes] == [
        "make",
        "cache",
        "info",
        "verify",
    ]
    assert ended.result.exit_code == 0
    assert set(chunk_files(workspace / "copied")) == set(chunk_files(workspace / "store"))


def test_a_list_that_is_written_first_is_the_list_that_is_used(workspace: Workspace) -> None:
    """What stands at its place from an earlier run says nothing."""
    index = workspace.make("blob", blob("first"))
    (workspace / "ids").write_bytes(b"")
    ended = workspace.run(
        {
            "list": {"kind": "list-chunks", "index": "blob.caibx", "output": "ids"},
            "chop": {
                "kind": "chop",
                "index": "blob.caibx",
                "blob": "blob",
                "store": "new",
                "ignore_chunks": ["ids"],
            },
        }
    )

    assert ended.statuses == {"list": "done", "chop": "unchanged"}
    assert len((workspace / "ids").read_bytes().splitlines()) == len(index)
    assert not (workspace / "new").exists()


def test_a_blob_that_is_written_first_is_the_blob_that_is_cut(workspace: Workspace) -> None:
    workspace.make("first", blob("first"))
    workspace.make("blob", blob("second"))
    ended = workspace.run(
        {
            "cat": {"kind": "cat", "index": "first.caibx", "output": "blob", "stores": ["store"]},
            "make": {**MAKE, "store": "other"},
        }
    )

    assert ended.statuses == {"cat": "done", "make": "done"}
    assert ids_of(workspace.index("blob.caibx")) == ids_of(workspace.index("first.caibx"))


def test_a_chain_whose_outputs_are_there_ends_unchanged(workspace: Workspace) -> None:
    workspace.make("first", blob("first"))
    operations: Operations = {
        "cat": {"kind": "cat", "index": "first.caibx", "output": "blob", "stores": ["store"]},
        "make": {**MAKE, "store": "other"},
    }
    workspace.run(operations)
    before = stamps(workspace.path)
    ended = workspace.run(operations)

    assert ended.statuses == {"cat": "unchanged", "make": "unchanged"}
    assert stamps(workspace.path) == before


def failing(workspace: Workspace) -> Operations:
    """A job whose `get` fails on its way; `check` needs it, `other` and `digest` do not."""
    index = workspace.make("blob", blob("first"))
    workspace.make("text", blob("text"), store="good")
    overwrite(chunk_file(workspace / "store", index.id(5)), b"damage")
    return {
        "digest": {"kind": "digest", "blob": "text"},
        "get": EXTRACT,
        "check": CHECK,
        "other": {**EXTRACT, "index": "text.caibx", "target": "other", "stores": ["good"]},
    }


def test_the_first_failure_ends_the_run(workspace: Workspace) -> None:
    ended = workspace.run(failing(workspace))

    assert ended.statuses == {
        "digest": "done",
        "get": "failed",
        "check": "skipped",
        "other": "skipped",
    }
    assert ended.result.exit_code == 4
    assert not (workspace / "copy").exists()
    assert not (workspace / "other").exists()


def test_what_needs_nothing_of_a_failed_operation_is_done_where_asked_for(
    workspace: Workspace,
) -> None:
    ended = workspace.run(failing(workspace), How(keep_going=True))
    reasons = {outcome.operation: outcome.reason for outcome in ended.result.outcomes}

    assert ended.statuses == {
        "digest": "done",
        "get": "failed",
        "check": "skipped",
        "other": "done",
    }
    assert ended.result.exit_code == 3
    assert reasons["check"] == "needs get, which did not succeed"
    assert (workspace / "other").read_bytes() == blob("text")


def test_nothing_is_begun_where_something_cannot_be_done(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(blob("text"))
    operations: Operations = {
        "make": MAKE,
        "late": {"kind": "list-chunks", "index": "absent.caibx", "output": "list"},
    }
    ended = workspace.run(operations)
    before = {path.name for path in workspace.path.iterdir()}
    kept_going = workspace.run(operations, How(keep_going=True))

    assert ended.statuses == {"make": "skipped", "late": "failed"}
    assert ended.result.exit_code == 5
    assert ended.result.outcomes[0].reason == "late cannot be done, so nothing was begun"
    assert before == {"blob"}
    assert kept_going.statuses == {"make": "done", "late": "failed"}
    assert kept_going.result.exit_code == 3


def test_after_puts_operations_in_order(workspace: Workspace) -> None:
    (workspace / "blob").write_bytes(blob("text"))
    ended = workspace.run(
        {
            "one": {"kind": "digest", "blob": "blob", "output": "a", "after": ["two"]},
            "two": {"kind": "digest", "blob": "blob", "output": "b", "after": ["three"]},
            "three": {"kind": "digest", "blob": "blob", "output": "c"},
        }
    )

    assert list(ended.statuses) == ["three", "two", "one"]
    assert set(ended.statuses.values()) == {"done"}


def test_repairing_a_store_that_others_use_needs_an_order(workspace: Workspace) -> None:
    index = workspace.make("blob", blob("first"))
    overwrite(chunk_file(workspace / "store", index.id(5)), b"damage")
    repair = {"kind": "verify", "store": "store", "repair": True}
    with pytest.raises(ManifestError) as caught:
        workspace.run({"repair": repair, "get": EXTRACT})
    ended = workspace.run(
        {"repair": {**repair, "after": ["get"]}, "get": {**EXTRACT, "index": "blob.caibx"}}
    )

    assert "say which comes first with `after`" in str(caught.value)
    assert ended.statuses == {"get": "failed", "repair": "skipped"}


@pytest.mark.parametrize("workers", [1, 4])
def test_the_work_that_was_announced_is_the_work_that_was_done(
    workspace: Workspace, workers: int
) -> None:
    """So that a progress bar ends exactly at its end."""
    (workspace / "blob").write_bytes(blob("first"))
    workspace.make("old", blob("second"))
    (workspace / "older").write_bytes(blob("first"))
    (workspace / "again.caibx").write_bytes((workspace / "old.caibx").read_bytes())
    (workspace / "old2.caibx").write_bytes((workspace / "old.caibx").read_bytes())
    collector = Collector()
    ended = workspace.run(
        {
            "make": MAKE,
            "extract": EXTRACT,
            "check": CHECK,
            "update": {**EXTRACT, "index": "old.caibx", "target": "older", "in_place": True},
            "again": {**MAKE, "blob": "old", "index": "again.caibx"},
            "other": {**MAKE, "blob": "blob", "index": "old2.caibx"},
            "copy": {"kind": "cache", "indexes": ["old.caibx"], "stores": ["store"], "cache": "c"},
            "chop": {"kind": "chop", "index": "old.caibx", "blob": "old", "store": "s"},
            "cat": {"kind": "cat", "index": "old.caibx", "stores": ["store"], "offset": 777},
            "digest": {"kind": "digest", "blob": "old"},
            "chunk": {"kind": "chunk", "blob": "old", "start": 5},
            "verify": {"kind": "verify", "store": "store"},
        },
        How(workers=workers, reporter=collector),
    )
    work = [event.work for event in collector.events if isinstance(event, PhaseAdvanced)]
    totals = [event.total_bytes for event in collector.events if isinstance(event, TotalChanged)]

    assert ended.result.exit_code == 0, ended.statuses
    assert sum(work) == totals[-1]


def test_the_program_runs_a_job_of_several_operations(
    workspace: Workspace, desync_run: Any
) -> None:
    (workspace / "blob").write_bytes(blob("first"))
    Path(workspace / "job.toml").write_text(
        """
        version = 1
        stores.store.url = "store"
        [operations.check]
        kind = "verify-index"
        index = "blob.caibx"
        blob = "copy"
        [operations.get]
        kind = "extract"
        index = "blob.caibx"
        target = "copy"
        stores = ["store"]
        [operations.make]
        kind = "make"
        blob = "blob"
        index = "blob.caibx"
        store = "store"
        """
    )
    before = desync_run("plan", "job.toml", "--detailed-exitcode")
    ended = desync_run("job.toml")
    after = desync_run("plan", "job.toml", "--detailed-exitcode")

    assert (before.returncode, ended.returncode, after.returncode) == (2, 0, 0)
    assert (workspace / "copy").read_bytes() == blob("first")
