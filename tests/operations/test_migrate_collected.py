"""What a `prune` took from a store between a plan and its run, or two runs, is copied again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import LockedError
from desync_jobs.execute import migration_progress
from desync_jobs.formats.id_map import parse_id_map
from desync_jobs.report.events import Event, PhaseAdvanced, StepStarted
from tests.blobs import blob
from tests.stopping import Stopper
from tests.workspace import Ended, How, Workspace, chunk_files, ids_of

FORMS: dict[str, dict[str, Any]] = {
    "as they are": {},
    "progress": {"progress": "progress"},
    "digest": {"digest": "sha256", "id_map": "ids"},
    "digest and progress": {"digest": "sha256", "id_map": "ids", "progress": "progress"},
    "rewrite": {"rewrite": True},
    "selected": {"roots": [{"url": "images"}]},
}


@pytest.fixture
def images(workspace: Workspace) -> Workspace:
    """A store `old`, its indexes in `images`, and in `kept` one under each digest."""
    for name in ("images", "kept"):
        (workspace / name).mkdir()
    for name in ("first", "second"):
        (workspace / name).write_bytes(blob(name))
        make(workspace, name, index=f"images/{name}.caibx", store="old")
    for digest in ("sha256", "sha512-256"):
        make(workspace, "first", index=f"kept/{digest}.caibx", store="elsewhere", digest=digest)
    return workspace


def make(workspace: Workspace, name: str, **fields: Any) -> None:
    ended = workspace.do("make", blob=name, chunk_size="1KiB:2KiB:8KiB", **fields)
    assert ended.result.exit_code == 0, ended.message


def migrate(workspace: Workspace, how: How | None = None, /, **fields: Any) -> Ended:
    return workspace.do("migrate", how, stores=["old"], store="new", **fields)


def prune(workspace: Workspace, digest: str = "sha512-256") -> None:
    """Remove all but the chunks of one index of that digest."""
    ended = workspace.do("prune", store="new", indexes=[f"kept/{digest}.caibx"], grace="0s")
    assert ended.summary == (0, "done"), ended.message


def chunks(workspace: Workspace, store: str = "new") -> set[str]:
    """Return the chunk files of a store, without what is beside them."""
    found = chunk_files(workspace / store)
    return {name for name in found if not name.startswith("desync-run/")}


def stopped(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    """Have a run stopped that has told of some of what it copied."""
    monkeypatch.setattr(migration_progress, "_EVERY", 16)
    told: list[Event] = []

    def late(event: Event) -> bool:
        told.extend([event] if isinstance(event, PhaseAdvanced) else [])
        return len(told) == 100

    cancel = Cancel()
    ended = migrate(workspace, How(cancel=cancel, reporter=Stopper(cancel, late)), **fields)
    assert ended.result.exit_code == 130
    assert (workspace / "progress").exists()


@dataclass
class Between:
    """A reporter that does something when a plan is made and no lease is had yet."""

    something: Callable[[], None]

    def emit(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            self.something()

    def close(self) -> None:
        """Have nothing to release."""


def test_what_a_stopped_run_copied_and_a_prune_removed_is_copied_again(
    images: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(images, monkeypatch, **FORMS["progress"])
    before = chunks(images)
    prune(images)
    left = chunks(images)
    ended = migrate(images, **FORMS["progress"])

    assert left < before
    assert ended.summary == (0, "done")
    assert chunks(images) == chunks(images, "old")
    assert ended.statistics["chunks_stored"] == len(chunks(images)) - len(left)
    assert not (images / "progress").exists()


def test_a_map_of_ids_is_whole_where_a_stopped_run_told_of_chunks_and_not_of_their_ids(
    images: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(images, monkeypatch, **FORMS["digest and progress"])
    (images / "ids").unlink(missing_ok=True)
    ended = migrate(images, **FORMS["digest and progress"])

    assert ended.summary == (0, "done")
    pairs = parse_id_map((images / "ids").read_bytes(), "ids")
    assert len(pairs) == len(chunks(images, "old")) == len(chunks(images))


@pytest.mark.parametrize("form", ["as they are", "digest", "rewrite", "selected"])
def test_what_a_prune_removes_between_plan_and_lease_is_copied_again(
    images: Workspace, form: str
) -> None:
    fields = FORMS[form]
    migrate(images, **fields)
    there = chunks(images)
    # So that there is something to do: one chunk that the prune will not have removed.
    index = images.index(f"kept/{fields.get('digest', 'sha512-256')}.caibx")
    chunk = ids_of(index)[0].hex()
    (images / "new" / chunk[:4] / f"{chunk}.cacnk").unlink()
    left: list[set[str]] = []

    def collect() -> None:
        prune(images, fields.get("digest", "sha512-256"))
        left.append(chunks(images))

    ended = migrate(images, How(reporter=Between(collect)), **fields)

    assert len(left[0]) < len(there) - 1
    assert ended.summary == (0, "done")
    assert chunks(images) == there
    assert ended.statistics["chunks_stored"] == len(there) - len(left[0])


def test_a_saved_plan_copies_what_it_took_for_copied_and_is_refused_where_it_sees_a_prune(
    images: Workspace, monkeypatch: pytest.MonkeyPatch, desync_run: Callable[..., Any]
) -> None:
    (images / "job.toml").write_text(
        "version = 1\n"
        '[stores]\nold = { url = "old" }\nnew = { url = "new" }\n'
        '[operations.migrate]\nkind = "migrate"\n'
        'stores = ["old"]\nstore = "new"\nprogress = "progress"\n'
    )
    stopped(images, monkeypatch, **FORMS["progress"])
    told = {line[:2] for line in (images / "progress").read_text().split("\n")[1:-1]}
    migrate(images)  # the others, of which nobody is told
    planned = desync_run("plan", "job.toml", "-o", "plan")
    there = chunks(images)
    prune(images)
    left = chunks(images)
    refused = desync_run("apply", "plan")
    untouched = chunks(images)
    migrate(images)
    gone = {name for name in there - left if name[:2] in told}
    for name in gone:
        (images / "new" / name).unlink()
    applied = desync_run("apply", "plan", "--json")

    assert (planned.returncode, planned.stderr) == (0, b"")
    assert refused.returncode == 6
    assert untouched == left
    assert applied.returncode == 0, applied.stderr
    assert chunks(images) == there == chunks(images, "old")
    (outcome,) = json.loads(applied.stdout)["operations"]
    assert outcome["statistics"]["chunks_stored"] == len(gone) > 0


def test_a_run_that_has_lost_its_lease_does_not_say_that_all_is_there(
    images: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(images)
    (images / "progress").touch()  # so that there is something to finish

    def lost(_self: object) -> None:
        raise LockedError("store new: this run's lease was lost")

    monkeypatch.setattr("desync_jobs.stores.leases.directory.DirectoryLease.check", lost)
    ended = migrate(images, progress="progress", report="report")

    assert ended.summary == (7, "failed")
    assert ended.message == "store new: this run's lease was lost"
    assert (images / "progress").exists()
    assert not (images / "report").exists()
