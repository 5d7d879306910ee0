"""Files that somebody else writes to while they are read or just before they are written."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from desync_jobs.core.sizes import DEFAULT_SIZES
from desync_jobs.report.events import Event, PhaseAdvanced, StepStarted
from tests.vectors.inputs import ctr
from tests.workspace import How, Workspace

MIB = 1 << 20
SIZE = 40 * MIB
LESS = 9 * MIB + 1
"""Below what a run reads ahead before it reports anything."""


@pytest.fixture
def large(workspace: Workspace) -> Workspace:
    """A blob of more than a run reads ahead, with its index and store."""
    (workspace / "blob").write_bytes(blob())
    workspace.do("make", index="blob.caibx", blob="blob", store="store")
    return workspace


def blob() -> bytes:
    return ctr(MIB, b"changing") * (SIZE // MIB)


@dataclass
class Once:
    """A reporter that does something at the first event of a kind, or of a phase."""

    kind: type[Event]
    then: Callable[[], object]
    phase: str | None = None
    seen: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        right = self.phase is None or getattr(event, "phase", None) == self.phase
        if isinstance(event, self.kind) and right and not self.seen:
            self.seen.append(event)
            self.then()

    def close(self) -> None:
        """Have nothing to release."""


def shrinking(path: Path, phase: str) -> How:
    return How(reporter=Once(PhaseAdvanced, lambda: os.truncate(path, LESS), phase))


@pytest.mark.parametrize("store", ["fresh", None])
def test_the_index_of_a_blob_that_shrinks_is_of_what_was_read(
    large: Workspace, store: str | None
) -> None:
    phase = "chunking" if store is None else "storing"
    how = shrinking(large / "blob", phase)
    ended = large.do("make", how, index="new", blob="blob", store=store)
    index = large.index("new")
    (large / "blob").write_bytes(blob()[: index.blob_size])
    verified = large.do("verify-index", index="new", blob="blob")

    assert ended.summary == (0, "done")
    assert ended.warnings == [
        f"{large / 'blob'} changed while it was read; the index is of what was read"
    ]
    assert LESS < index.blob_size < SIZE
    assert verified.summary == (0, "done"), verified.message
    if store is not None:
        copied = large.do("extract", index="new", target="copy", stores=[store])
        assert copied.summary == (0, "done")


def test_an_index_is_made_anew_where_its_blob_shrinks_while_it_is_examined(
    large: Workspace,
) -> None:
    how = shrinking(large / "blob", "examining")
    ended = large.do("make", how, index="blob.caibx", blob="blob", store="store")

    assert ended.summary == (0, "done")
    assert large.index("blob.caibx").blob_size == LESS


def test_a_blob_that_shrinks_while_it_is_verified_is_wrong_where_it_ends(large: Workspace) -> None:
    how = shrinking(large / "blob", "verifying")
    ended = large.do("verify-index", how, index="blob.caibx", blob="blob")
    ((begin, end),) = ended.statistics["wrong_ranges"]

    assert ended.summary == (4, "failed")
    # The chunk in which the blob ends now may have been read before or after it did.
    assert LESS - DEFAULT_SIZES.maximum < begin < end == SIZE


def test_a_blob_that_shrinks_while_it_is_chopped_is_not_what_its_index_describes(
    workspace: Workspace,
) -> None:
    content = ctr(SIZE, b"chopped")
    (workspace / "blob").write_bytes(content)
    workspace.do("make", index="blob.caibx", blob="blob")
    how = shrinking(workspace / "blob", "storing")
    ended = workspace.do("chop", how, index="blob.caibx", blob="blob", store="store")
    verified = workspace.do("verify", store="store")

    assert ended.summary == (4, "failed")
    assert f"{workspace / 'blob'} is not what its index describes: bytes " in ended.message
    assert verified.summary == (0, "done")


def test_a_target_that_changes_after_it_was_looked_at_is_not_written_in_place(
    large: Workspace,
) -> None:
    fields = {"index": "blob.caibx", "target": "copy", "stores": ["store"], "in_place": True}
    (large / "copy").write_bytes(bytes(MIB) + blob()[MIB:])
    how = shrinking(large / "copy", "examining")
    ended = large.do("extract", how, **fields)
    size = (large / "copy").stat().st_size
    again = large.do("extract", **fields)

    assert ended.summary == (1, "failed")
    assert ended.message == f"{large / 'copy'} changed after it was looked at; run again"
    assert size == LESS
    assert again.summary == (0, "done")
    assert (large / "copy").read_bytes() == blob()


def test_a_target_that_appears_after_it_was_looked_for_is_not_written_in_place(
    workspace: Workspace,
) -> None:
    workspace.make("blob", bytes(MIB) + ctr(MIB))
    how = How(reporter=Once(StepStarted, lambda: (workspace / "copy").write_bytes(b"else")))
    ended = workspace.do(
        "extract", how, index="blob.caibx", target="copy", stores=["store"], in_place=True
    )

    assert ended.summary == (1, "failed")
    assert ended.message == f"{workspace / 'copy'} changed after it was looked at; run again"
    assert (workspace / "copy").read_bytes() == b"else"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (shutil.rmtree, "No such file or directory"),
        (lambda folder: (folder / "copy").mkdir(), "Is a directory"),
    ],
    ids=["folder removed", "name taken by a folder"],
)
def test_a_target_that_cannot_take_its_name_any_more_is_named(
    workspace: Workspace, change: Callable[[Path], object], reason: str
) -> None:
    workspace.make("blob", ctr(MIB))
    folder = workspace / "folder"
    folder.mkdir()
    how = How(reporter=Once(PhaseAdvanced, lambda: change(folder), "assembling"))
    ended = workspace.do("extract", how, index="blob.caibx", target="folder/copy", stores=["store"])

    assert ended.summary == (1, "failed")
    assert ended.message == f"{folder / 'copy'}: cannot be published: {reason}"
    assert list(workspace.path.rglob(".*")) == []


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("make", {"blob": "/proc/self/mem", "index": "out"}),
        ("make", {"blob": "/proc/self/mem", "index": "out", "store": "store"}),
        ("digest", {"blob": "/proc/self/mem", "output": "out"}),
        ("chunk", {"blob": "/proc/self/mem", "output": "out"}),
        ("info", {"index": "/proc/self/mem", "output": "out"}),
    ],
)
def test_a_file_that_fails_when_it_is_read_is_named(
    workspace: Workspace, kind: str, fields: Mapping[str, str]
) -> None:
    """Nothing is mapped at the beginning of a process's memory."""
    ended = workspace.do(kind, **fields)

    assert ended.summary == (1, "failed")
    assert ended.message == "/proc/self/mem: cannot be read: Input/output error"
    assert not (workspace / "out").exists()
    assert list(workspace.path.rglob(".*")) == []


def cut(path: Path) -> None:
    os.truncate(path, LESS)


def lengthened(path: Path) -> None:
    os.truncate(path, SIZE + 1)


def removed(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    path.with_name("new").write_bytes(b"somebody else's")
    path.with_name("new").rename(path)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (cut, f"it has {LESS} bytes instead of {SIZE}"),
        (lengthened, f"it has {SIZE + 1} bytes instead of {SIZE}"),
        (removed, "it was removed or replaced"),
        (replaced, "it was removed or replaced"),
    ],
)
def test_a_target_that_others_change_while_it_is_written_in_place_is_an_error(
    large: Workspace, change: Callable[[Path], None], what: str
) -> None:
    target = large / "copy"
    target.write_bytes(blob()[:-1] + b"x")
    fields = {"index": "blob.caibx", "target": "copy", "stores": ["store"], "in_place": True}
    how = How(reporter=Once(PhaseAdvanced, lambda: change(target), "assembling"))
    ended = large.do("extract", how, **fields)
    again = large.do("extract", **fields)

    assert ended.summary == (1, "failed")
    assert ended.message == (
        f"{target} changed while it was written: {what}; keep others from it and run again"
    )
    assert again.summary == (0, "done")
    assert target.read_bytes() == blob()
    assert sorted(os.listdir(large.path)) == ["blob", "blob.caibx", "copy", "store"]
