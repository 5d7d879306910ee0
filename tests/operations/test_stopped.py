"""A run that is stopped on its way is never a success, whatever it does."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import EXIT_INTERRUPTED
from desync_jobs.manifest.operations import KINDS
from desync_jobs.report.events import Event, PhaseAdvanced, StepStarted
from tests.stopping import Stopper
from tests.vectors.inputs import gold
from tests.workspace import How, Workspace, stamps

ARCHIVE = Path(__file__).parents[1] / "vectors" / "archives" / "reference.catar"
BLOB = gold(60 << 20)
"""Long enough for several batches of each operation."""

READ: dict[str, Any] = {"index": "blob.caibx", "stores": ["store"]}
JOBS: dict[str, dict[str, Any]] = {
    "make": {"blob": "blob", "index": "new.caibx", "store": "new"},
    "extract": {**READ, "target": "new"},
    "cat": {**READ, "output": "new"},
    "verify-index": {"index": "blob.caibx", "blob": "blob"},
    "verify": {"store": "store"},
    "verify-chunks": {
        "indexes": ["blob.caibx"],
        "stores": ["store"],
        "content": True,
        "report": "new",
    },
    "chop": {"index": "blob.caibx", "blob": "blob", "store": "new"},
    "cache": {"indexes": ["blob.caibx"], "stores": ["store"], "cache": "new"},
    "chunk": {"blob": "blob", "output": "new"},
    "digest": {"blob": "blob", "output": "new"},
    "tar": {"directory": "tree", "archive": "new"},
    "untar": {"archive": "tree.catar", "target": "new"},
    "list-chunks": {"index": "blob.caibx", "output": "new"},
    "list": {"archive": "tree.catar", "output": "new"},
    "put": {"archive": "tree.catar", "index": "new.caidx", "store": "new"},
    "get": {**READ, "archive": "new"},
    "archive-verify": {"archive": "tree.catar", "directory": "tree", "output": "new"},
    "diff": {"old": {"directory": "tree"}, "new": {"archive": "tree.catar"}, "output": "new"},
    "diff-indexes": {"old": "blob.caibx", "new": "blob.caibx", "output": "new"},
    "mtree": {"archive": "tree.catar", "output": "new"},
    "info": {**READ, "output": "new"},
    "inspect-chunks": {"index": "blob.caibx", "output": "new", "store": "store"},
}


SERVERS = {"pull", "serve-chunks", "serve-indexes", "mount-index", "mount", "serve-nbd", "mkdev"}
"""Kinds that work as long as a client wants; how they end is told where they are tested."""

TOLD_ELSEWHERE = {"migrate", "prune", "publish", "unprune"}
"""Kinds whose stops and kills have tests of their own."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A blob with its index and store; no test changes them."""
    workspace = Workspace(tmp_path_factory.mktemp("source"))
    workspace.places["store"] = {"compression": "none"}
    workspace.make("blob", BLOB, chunk_size="256KiB")
    (workspace / "tree").mkdir()
    (workspace / "tree" / "blob").hardlink_to(workspace / "blob")
    shutil.copy(ARCHIVE, workspace / "tree.catar")
    return workspace


def at_work(event: Event) -> bool:
    return isinstance(event, PhaseAdvanced)


def at_its_beginning(event: Event) -> bool:
    return isinstance(event, StepStarted)


def test_every_kind_of_operation_is_tried() -> None:
    assert set(JOBS) == set(KINDS) - SERVERS - TOLD_ELSEWHERE


@pytest.mark.parametrize("kind", JOBS)
def test_a_stopped_operation_is_interrupted_and_publishes_nothing(
    source: Workspace, workspace: Workspace, kind: str
) -> None:
    for name in ("blob", "blob.caibx", "store", "tree", "tree.catar"):
        (workspace / name).symlink_to(source / name)
    workspace.places["store"] = {"compression": "none"}
    # Listings are over before they could tell of any progress.
    moment = (
        at_its_beginning
        if kind
        in {"list-chunks", "info", "inspect-chunks", "list", "mtree", "put", "get", "diff-indexes"}
        else at_work
    )
    before = stamps(source.path)
    cancel = Cancel()
    ended = workspace.do(kind, How(cancel=cancel, reporter=Stopper(cancel, moment)), **JOBS[kind])

    assert ended.summary == (EXIT_INTERRUPTED, "interrupted")
    assert ended.message == "stopped by SIGINT; what was published before is complete"
    assert not (workspace / "new.caibx").exists()
    assert not (workspace / "new").is_file()
    assert stamps(source.path) == before


def test_what_comes_after_a_stopped_operation_is_skipped(
    source: Workspace, workspace: Workspace
) -> None:
    for name in ("blob", "blob.caibx", "store", "tree.catar"):
        (workspace / name).symlink_to(source / name)
    cancel = Cancel()
    ended = workspace.run(
        {
            "get": {"kind": "extract", **JOBS["extract"]},
            "check": {"kind": "verify-index", "index": "blob.caibx", "blob": "new"},
            "other": {"kind": "digest", "blob": "blob"},
        },
        How(cancel=cancel, reporter=Stopper(cancel, at_work), keep_going=True),
    )

    assert ended.statuses == {"get": "interrupted", "check": "skipped", "other": "skipped"}
    assert ended.result.exit_code == EXIT_INTERRUPTED
    assert ended.output == b""
