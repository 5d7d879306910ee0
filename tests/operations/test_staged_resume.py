"""An extraction to a new file that was ended keeps what it has, and the next run goes on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.report.events import Event, PhaseAdvanced
from tests.vectors.inputs import ctr
from tests.workspace import Ended, How, Workspace, chunk_file

NOISE = ctr(12 << 20, b"staged")
BLOB = NOISE[: 6 << 20] + bytes(4 << 20) + NOISE[6 << 20 :]
OTHER = ctr(9 << 20, b"other") + bytes(6 << 20)
HIDDEN = {".copy.desync-run.tmp", ".copy.desync-run.journal"}
OLD = b"what was here before"


@dataclass
class StopAt:
    """Stops the run when it has written so many bytes."""

    cancel: Cancel
    size: int

    def emit(self, event: Event) -> None:
        if isinstance(event, PhaseAdvanced) and event.done >= self.size:
            self.cancel.stop("SIGINT")

    def close(self) -> None:
        """Have nothing to release."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two blobs with their indexes and one store; not to be written to."""
    workspace = Workspace(tmp_path_factory.mktemp("made"))
    for name, data in (("blob", BLOB), ("other", OTHER)):
        workspace.make(name, data, chunk_size="16KiB:64KiB:256KiB")
    return workspace.path


@pytest.fixture
def ready(made: Path, workspace: Workspace) -> Workspace:
    """The indexes beside a target that is something else."""
    for name in ("blob.caibx", "other.caibx"):
        (workspace / name).symlink_to(made / name)
    workspace.places["store"] = {"url": str(made / "store")}
    (workspace / "copy").write_bytes(OLD)
    return workspace


def extract(workspace: Workspace, how: How | None = None, **fields: Any) -> Ended:
    return workspace.do(
        "extract", how, **{"index": "blob.caibx", "target": "copy", "stores": ["store"], **fields}
    )


def stopped(workspace: Workspace, size: int = 8 << 20, **fields: Any) -> Ended:
    cancel = Cancel()
    return extract(workspace, How(cancel=cancel, reporter=StopAt(cancel, size)), **fields)


def hidden(workspace: Workspace) -> set[str]:
    return {path.name for path in workspace.path.glob(".*")}


def test_a_stopped_extraction_goes_on(ready: Workspace) -> None:
    first = stopped(ready)
    kept, content = hidden(ready), (ready / "copy").read_bytes()
    second = extract(ready)
    fetched = second.statistics["chunks_from_store"]
    right = second.statistics["chunks_in_place"]

    assert first.summary == (130, "interrupted")
    assert (kept, content) == (HIDDEN, OLD)
    assert second.summary == (0, "done")
    total = f"{second.statistics['chunks_total']:,}"
    assert second.only.reason == (
        f"an earlier run was interrupted with {right:,} of {total} chunks right"
    )
    assert right > 100
    assert fetched < 80
    assert (ready / "copy").read_bytes() == BLOB
    assert hidden(ready) == set()


def test_the_new_file_is_as_sparse_as_one_made_at_once(ready: Workspace) -> None:
    stopped(ready)
    extract(ready)

    assert (ready / "copy").stat().st_blocks * 512 < len(BLOB) - (3 << 20)


def test_another_index_begins_anew(ready: Workspace) -> None:
    stopped(ready)
    ended = extract(ready, index="other.caibx")

    assert ended.summary == (0, "done")
    assert ended.only.reason == "the target is not what the index describes"
    assert ended.statistics["chunks_in_place"] == 0
    assert (ready / "copy").read_bytes() == OTHER
    assert hidden(ready) == set()


def test_an_extraction_in_place_tidies_up(ready: Workspace) -> None:
    stopped(ready)
    ended = extract(ready, in_place=True)

    assert ended.summary == (0, "done")
    assert (ready / "copy").read_bytes() == BLOB
    assert hidden(ready) == set()


def test_a_file_that_replaces_one_changed_in_place_tidies_up(ready: Workspace) -> None:
    stopped(ready, in_place=True)
    kept = hidden(ready)
    ended = extract(ready)

    assert kept == {".copy.desync-run.journal"}
    assert ended.summary == (0, "done")
    assert (ready / "copy").read_bytes() == BLOB
    assert hidden(ready) == set()


def test_what_is_left_beside_a_target_that_is_right_is_removed(ready: Workspace) -> None:
    stopped(ready)
    (ready / "copy").write_bytes(BLOB)
    operation = {"kind": "extract", "index": "blob.caibx", "target": "copy", "stores": ["store"]}
    (step,) = ready.plan({"extract": operation}).steps
    ended = extract(ready)
    again = extract(ready)
    in_place = ended.statistics["sources"].pop("in place")

    assert (ended.summary, again.summary) == ((0, "done"), (0, "unchanged"))
    assert in_place == {"chunks": step.cost.reads[-2].chunks, "bytes": len(BLOB)}
    assert (ended.statistics["sources"], ended.statistics["stores"]) == ({}, {})
    assert ended.only.reason == (
        "the target is what the index describes; an earlier run left files behind"
    )
    assert hidden(ready) == set()


def test_zeros_are_made_where_somebody_wrote_meanwhile(ready: Workspace) -> None:
    stopped(ready)
    with (ready / ".copy.desync-run.tmp").open("r+b") as file:
        for at in (3_000_000, 7 << 20, len(BLOB) - 5):
            file.seek(at)
            file.write(b"dirty")
    ended = extract(ready)

    assert ended.summary == (0, "done")
    assert ended.only.reason.startswith("an earlier run was interrupted with ")
    assert (ready / "copy").read_bytes() == BLOB


@pytest.mark.parametrize("size", [0, 100, len(BLOB) + 1])
def test_a_hidden_file_of_another_size_is_hashed(ready: Workspace, size: int) -> None:
    stopped(ready)
    with (ready / ".copy.desync-run.tmp").open("r+b") as file:
        file.truncate(size)
    ended = extract(ready)

    assert ended.summary == (0, "done")
    assert (ready / "copy").read_bytes() == BLOB
    assert hidden(ready) == set()


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_one_of_the_two_files_alone_is_nothing(ready: Workspace, name: str) -> None:
    stopped(ready)
    (ready / name).unlink()
    ended = extract(ready)

    assert ended.summary == (0, "done")
    assert ended.statistics["chunks_in_place"] == 0
    assert (ready / "copy").read_bytes() == BLOB
    assert hidden(ready) == set()


def test_what_a_store_lacks_is_waited_for(ready: Workspace, made: Path) -> None:
    index = ready.index("blob.caibx")
    path = chunk_file(made / "store", index.id(len(index) - 1))
    data = path.read_bytes()
    path.unlink()
    lacking = extract(ready)
    path.write_bytes(data)
    ended = extract(ready)

    assert lacking.summary == (5, "failed")
    assert ended.summary == (0, "done")
    assert ended.statistics["chunks_from_store"] <= 3 * 64
    assert ended.statistics["chunks_in_place"] > 0
    assert (ready / "copy").read_bytes() == BLOB


def test_a_blob_that_is_not_the_one_wanted_is_not_kept(ready: Workspace) -> None:
    ended = extract(ready, blob_digest="00" * 32)

    assert ended.summary == (4, "failed")
    assert hidden(ready) == set()
    assert (ready / "copy").read_bytes() == OLD


def test_a_small_blob_is_not_kept(ready: Workspace) -> None:
    ready.make("small", NOISE[: 7 << 20], chunk_size="256KiB", store="near")
    ended = stopped(ready, 1 << 20, index="small.caibx", stores=["near"])

    assert ended.summary == (130, "interrupted")
    assert hidden(ready) == set()


def test_what_was_resumed_is_read_back_too(ready: Workspace) -> None:
    stopped(ready)
    ended = extract(ready, verify="written")

    assert ended.summary == (0, "done")
    assert (ready / "copy").read_bytes() == BLOB
