"""A run with seeds that is stopped: nothing is published, and the next run finishes it."""

from pathlib import Path

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.report.events import Event, PhaseAdvanced, PhaseStarted
from tests.operations.seeded import kept_files
from tests.vectors.inputs import gold
from tests.workspace import Ended, How, Workspace

OLD = gold(40 << 20)
"""Long enough for several batches."""


class Stopper:
    """A reporter that stops the run when a phase begins or goes on."""

    def __init__(
        self, cancel: Cancel, phase: str, kind: type[PhaseStarted | PhaseAdvanced]
    ) -> None:
        self._cancel = cancel
        self._phase = phase
        self._kind = kind

    def emit(self, event: Event) -> None:
        if isinstance(event, self._kind) and event.phase == self._phase:
            self._cancel.stop("SIGINT")

    def close(self) -> None:
        """Have nothing to release."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A blob with its index, and an empty store; not to be written to."""
    workspace = Workspace(tmp_path_factory.mktemp("source"))
    workspace.make("old", OLD, chunk_size="256KiB", store=None)
    (workspace / "store").mkdir()
    return workspace.path


@pytest.fixture
def ready(source: Path, workspace: Workspace) -> Workspace:
    """The blob as seed `named` with its index and as seed `automatic` without."""
    workspace.places["store"] = {"url": str(source / "store")}
    workspace.seeds["named"] = {"blob": f"{source}/old", "index": f"{source}/old.caibx"}
    workspace.seeds["automatic"] = {"blob": f"{source}/old"}
    (workspace / "new.caibx").write_bytes((source / "old.caibx").read_bytes())
    return workspace


def stopped(
    workspace: Workspace,
    kind: str,
    seed: str,
    when: tuple[str, type[PhaseStarted | PhaseAdvanced]],
    **fields: object,
) -> Ended:
    cancel = Cancel()
    how = How(cancel=cancel, reporter=Stopper(cancel, *when))
    return workspace.do(kind, how, index="new.caibx", stores=["store"], seeds=[seed], **fields)


def test_an_extraction_from_a_seed_that_is_stopped_publishes_nothing(ready: Workspace) -> None:
    (ready / "copy").write_bytes(b"old")
    ended = stopped(ready, "extract", "named", ("assembling", PhaseAdvanced), target="copy")
    content = (ready / "copy").read_bytes()
    names = sorted(path.name for path in ready.path.iterdir())
    again = ready.do("extract", index="new.caibx", target="copy", stores=["store"], seeds=["named"])

    assert ended.summary == (130, "interrupted")
    assert content == b"old"
    assert names == [".copy.desync-run.journal", ".copy.desync-run.tmp", "copy", "new.caibx"]
    assert again.summary == (0, "done")
    assert again.only.reason.startswith("an earlier run was interrupted with ")
    assert (ready / "copy").read_bytes() == OLD
    assert sorted(path.name for path in ready.path.iterdir()) == ["copy", "new.caibx"]


def test_an_extraction_in_place_that_is_stopped_is_finished_by_the_next(ready: Workspace) -> None:
    """The target is its own seed, with everything at other places."""
    half = len(OLD) // 2
    (ready / "copy").write_bytes(OLD[half:] + OLD[:half])
    ready.make("copy", chunk_size="256KiB", store=None)
    blob = ready.seeds["named"]["blob"]
    ready.do("chop", index="new.caibx", blob=blob, store="chunks")
    ready.seeds["named"] = {"blob": "copy", "index": "copy.caibx"}
    when = ("assembling", PhaseAdvanced)
    ended = stopped(ready, "extract", "named", when, target="copy", in_place=True)
    fields = {"index": "new.caibx", "target": "copy", "stores": ["chunks"], "seeds": ["named"]}
    again = ready.do("extract", in_place=True, **fields)

    assert ended.summary == (130, "interrupted")
    assert again.summary == (0, "done")
    assert (ready / "copy").read_bytes() == OLD


def test_what_is_set_aside_of_a_seed_does_not_keep_a_run_from_stopping(ready: Workspace) -> None:
    (ready / "copy").write_bytes(OLD[1 << 20 :] + OLD[: 1 << 20])
    before = (ready / "copy").read_bytes()
    ready.make("copy", chunk_size="256KiB", store=None)
    ready.seeds["named"] = {"blob": "copy", "index": "copy.caibx"}
    when = ("assembling", PhaseStarted)
    ended = stopped(ready, "extract", "named", when, target="copy", in_place=True)

    assert ended.summary == (130, "interrupted")
    assert (ready / "copy").read_bytes() == before


def test_an_index_that_is_being_made_is_not_kept(ready: Workspace, cache_home: Path) -> None:
    when = ("indexing seed automatic", PhaseAdvanced)
    ended = stopped(ready, "extract", "automatic", when, target="copy")

    assert ended.summary == (130, "interrupted")
    assert not (ready / "copy").exists()
    assert not cache_home.joinpath("desync-run").exists() or not kept_files(cache_home)


def test_cat_from_a_seed_that_is_stopped_writes_no_file(ready: Workspace) -> None:
    ended = stopped(ready, "cat", "named", ("reading", PhaseAdvanced), output="part")

    assert ended.summary == (130, "interrupted")
    assert [path.name for path in ready.path.iterdir()] == ["new.caibx"]
