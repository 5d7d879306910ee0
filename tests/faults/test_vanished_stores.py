"""Stores that are not there, are something else, or go away while they are used."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from desync_jobs.report.events import Event, PhaseAdvanced
from tests.faults.chunkfiles import temporary_files
from tests.vectors.inputs import ctr
from tests.workspace import SMALL, Ended, How, Workspace

OLD = b"what was here before"

# What each kind does with the store called `store`.
READERS: Mapping[str, Mapping[str, Any]] = {
    "extract": {"index": "blob.caibx", "target": "out", "stores": ["store"]},
    "cat": {"index": "blob.caibx", "output": "out", "stores": ["store"]},
    "cache": {"indexes": ["blob.caibx"], "stores": ["store"], "cache": "cache"},
    "verify": {"store": "store"},
    "inspect-chunks": {"index": "blob.caibx", "output": "out", "store": "store"},
    "info": {"index": "blob.caibx", "output": "out", "stores": ["store"]},
}
WRITERS: Mapping[str, Mapping[str, Any]] = {
    "make": {"index": "out", "blob": "blob", "store": "store", "chunk_size": SMALL},
    "chop": {"index": "blob.caibx", "blob": "blob", "store": "store"},
    "cache": {"indexes": ["blob.caibx"], "stores": ["origin"], "cache": "store"},
}


def not_a_store(workspace: Workspace) -> str:
    return f"store store: {workspace / 'store'} is not a directory; correct its url or create it"


@dataclass
class FirstAdvance:
    """A reporter that does something once, when some of the work is done."""

    then: Callable[[], object]
    seen: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        if isinstance(event, PhaseAdvanced) and not self.seen:
            self.seen.append(event)
            self.then()

    def close(self) -> None:
        """Have nothing to release."""


def without(workspace: Workspace, data: bytes) -> None:
    """Make a blob whose chunks are in `origin` only, with something else at `out`."""
    workspace.make("blob", data, store="origin")
    (workspace / "out").write_bytes(OLD)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("there", ["nothing", "a file"])
def test_a_store_to_read_from_must_be_there(workspace: Workspace, kind: str, there: str) -> None:
    without(workspace, ctr(100_000))
    if there == "a file":
        (workspace / "store").write_bytes(b"")
    names = sorted(os.listdir(workspace.path))
    ended = workspace.do(kind, **READERS[kind])

    assert ended.summary == (1, "failed")
    assert ended.message == not_a_store(workspace)
    assert (workspace / "out").read_bytes() == OLD
    assert sorted(os.listdir(workspace.path)) == names


@pytest.mark.parametrize("kind", WRITERS)
def test_a_store_to_write_to_is_made(workspace: Workspace, kind: str) -> None:
    without(workspace, ctr(100_000))
    ended = workspace.do(kind, **WRITERS[kind])
    verified = workspace.do("verify", store="store")

    assert ended.summary == (0, "done"), ended.message
    assert verified.statistics["chunks"] == ended.statistics["chunks_stored"] > 0


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("url", "reason"),
    [("blob", "Not a directory"), ("blob/store", "Not a directory")],
    ids=["a file", "in a file"],
)
def test_a_store_that_cannot_be_made_is_named(
    workspace: Workspace, kind: str, url: str, reason: str
) -> None:
    workspace.places["store"] = {"url": url}
    without(workspace, ctr(100_000))
    names = sorted(os.listdir(workspace.path))
    ended = workspace.do(kind, **WRITERS[kind])

    assert ended.summary == (1, "failed")
    assert ended.message.startswith(f"store store: cannot create {workspace / url}: {reason}")
    assert (workspace / "out").read_bytes() == OLD
    assert sorted(os.listdir(workspace.path)) == names


@pytest.mark.parametrize("kind", ["extract", "cat", "cache", "verify"])
def test_a_store_that_goes_away_while_it_is_read(workspace: Workspace, kind: str) -> None:
    ended = losing_the_store(workspace, "store", kind, READERS[kind])

    assert ended.summary == (1, "failed")
    assert ended.message == f"store store: directory {workspace / 'store'} does not exist"
    assert (workspace / "out").read_bytes() == OLD
    assert temporary_files(workspace.path) == []


@pytest.mark.parametrize("kind", WRITERS)
def test_a_store_that_goes_away_while_it_is_filled(workspace: Workspace, kind: str) -> None:
    (workspace / "store").mkdir()
    ended = losing_the_store(workspace, "origin", kind, WRITERS[kind])
    again = workspace.do(kind, **WRITERS[kind])

    assert ended.summary == (1, "failed")
    assert ended.message == f"store store: directory {workspace / 'store'} does not exist"
    assert (workspace / "gone").is_dir()
    assert again.summary == (0, "done"), again.message
    assert workspace.do("verify", store="store").summary == (0, "done")


def losing_the_store(
    workspace: Workspace, filled: str, kind: str, fields: Mapping[str, Any]
) -> Ended:
    """Run an operation on a blob with its chunks in `filled`; `store` goes away on the way."""
    workspace.make("blob", ctr(20_000_000), store=filled)
    (workspace / "out").write_bytes(OLD)
    move = FirstAdvance(lambda: shutil.move(workspace / "store", workspace / "gone"))
    ended = workspace.do(kind, How(reporter=move), **fields)
    assert (workspace / "out").read_bytes() == OLD
    return ended
