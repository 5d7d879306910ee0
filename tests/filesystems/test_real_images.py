"""A root file system and its next version: an update fetches what the old one does not have.

The images are built of this machine's own files. The store has nothing but the chunks that the
old version lacks, so whatever else were asked for would be missing.
"""

import filecmp
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from bench.image import build_image
from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.core.sizes import DEFAULT_SIZES
from desync_jobs.planner.cost import Amount
from desync_jobs.testing.programs import require_program
from tests.filesystems.conftest import SHARING, Disk
from tests.filesystems.extents import in_the_same_place
from tests.filesystems.mounting import attached_file
from tests.operations.seeded import pieces
from tests.workspace import Workspace, ids_of

CONTENT: Final = 64 << 20
IMAGE: Final = 96 << 20


@dataclass(frozen=True)
class Versions:
    """A folder with `old`, `new`, their indexes, and `store`."""

    folder: Path
    lacking: dict[bytes, int]
    """The chunks of the new version that the old one does not have, with their lengths.

    Zeros are not counted: nobody has to have them.
    """
    there: frozenset[bytes]
    """The chunks of the new version whose bytes the old one has at the same place.

    Perhaps not as a chunk of its own: where it begins to differ, a chunk may end elsewhere.
    """

    def amount(self, *, in_place: bool) -> Amount:
        """Return what an update must cost, in plan and run."""
        lengths = [v for k, v in self.lacking.items() if not (in_place and k in self.there)]
        return Amount("store", sum(lengths), len(lengths), len(lengths))


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    require_program("mke2fs")
    workspace = Workspace(tmp_path_factory.mktemp("versions"))
    for number, name in enumerate(("old", "new"), 1):
        staging = os.fspath(workspace / "staging")
        build_image(os.fspath(workspace / name), staging, CONTENT, number, IMAGE)
        workspace.make(name, store=None, chunk_size=str(DEFAULT_SIZES))
    ended = workspace.do("chop", index="new.caibx", blob="new", store="store", ignore=["old.caibx"])
    assert ended.summary == (0, "done")
    old, new = workspace.index("old.caibx"), workspace.index("new.caibx")
    lengths = {new.id(at): new.length(at) for at in range(len(new))}
    zeros = {zero_chunk_id(new.algorithm, length) for length in set(lengths.values())}
    lacking = {one: lengths[one] for one in lengths.keys() - set(ids_of(old)) - zeros}
    assert CONTENT // 50 < sum(lacking.values()) < CONTENT // 2
    before, after = ((workspace / name).read_bytes() for name in ("old", "new"))
    pairs = zip(pieces(new, before), pieces(new, after), strict=True)
    there = frozenset(new.id(at) for at, (left, right) in enumerate(pairs) if left == right)
    return Versions(workspace.path, lacking, there)


@pytest.fixture
def workspace(versions: Versions, tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path, {"store": {"url": os.fspath(versions.folder / "store")}})
    declare(workspace, versions, versions.folder / "old")
    return workspace


def declare(workspace: Workspace, versions: Versions, blob: Path) -> None:
    """Make `blob`, which is the old version, the seed."""
    workspace.seeds["old"] = {
        "blob": os.fspath(blob),
        "index": os.fspath(versions.folder / "old.caibx"),
    }


def assert_it_costs_what_the_old_version_lacks(
    workspace: Workspace, versions: Versions, target: Path, *, in_place: bool = False
) -> dict[str, Any]:
    """Plan and run the update of `target`; returns the figures of the run."""
    operation: dict[str, Any] = {
        "index": os.fspath(versions.folder / "new.caibx"),
        "target": os.fspath(target),
        "stores": ["store"],
        "seeds": ["old"],
        "in_place": in_place,
    }
    plan = workspace.plan({"extract": {"kind": "extract", **operation}})
    (step,) = plan.steps
    planned = next(amount for amount in step.cost.reads if amount.place == "store")
    ended = workspace.do("extract", **operation)
    figures = ended.statistics
    asked = figures["stores"]["store"]

    assert ended.summary == (0, "done"), ended.message
    assert ended.warnings == []
    assert replace(planned, stored=None, source=None, price=None) == versions.amount(
        in_place=in_place
    )
    assert (figures["bytes_from_store"], figures["chunks_from_store"]) == (
        planned.bytes,
        planned.chunks,
    )
    assert (asked["chunks"], asked["requests"]) == (planned.chunks, planned.requests)
    return dict(figures)


@pytest.fixture
def on_disk(disk: Disk, versions: Versions, workspace: Workspace) -> Iterator[Disk]:
    """The old version on each file system, as the seed."""
    seed = disk.folder / "old"
    shutil.copyfile(versions.folder / "old", seed)
    declare(workspace, versions, seed)
    yield disk
    shutil.rmtree(disk.folder)


def cloned_in_fact(seed: Path, target: Path) -> int:
    with seed.open("rb") as left, target.open("rb") as right:
        ranges = in_the_same_place(left.fileno(), right.fileno())
    return sum(end - begin for begin, end in ranges)


def test_an_update_beside_its_seed_fetches_what_the_seed_lacks_and_shares_the_rest(
    on_disk: Disk, versions: Versions, workspace: Workspace
) -> None:
    target = on_disk.folder / "new"
    figures = assert_it_costs_what_the_old_version_lacks(workspace, versions, target)
    cloned = figures["bytes_cloned_from_seeds"]

    assert filecmp.cmp(target, versions.folder / "new", shallow=False)
    assert filecmp.cmp(on_disk.folder / "old", versions.folder / "old", shallow=False)
    if on_disk.kind in SHARING:
        # Files of an image begin with a block, so nearly all that is the same is at whole blocks.
        assert cloned > 9 * figures["bytes_copied_from_seeds"]
        assert cloned_in_fact(on_disk.folder / "old", target) == cloned
    else:
        assert cloned == 0


def test_the_old_version_itself_becomes_the_new_one(
    on_disk: Disk, versions: Versions, workspace: Workspace
) -> None:
    target = on_disk.folder / "old"
    assert_it_costs_what_the_old_version_lacks(workspace, versions, target, in_place=True)

    assert filecmp.cmp(target, versions.folder / "new", shallow=False)
    assert os.listdir(on_disk.folder) == ["old"]


@pytest.mark.parametrize("slots", [1, 2])
def test_a_device_gets_the_new_version_from_itself_or_from_another(
    tmp_path: Path, versions: Versions, workspace: Workspace, slots: int
) -> None:
    backing = tmp_path / "backing"
    shutil.copyfile(versions.folder / "old", backing)
    with attached_file(backing) as device:
        if slots == 1:
            declare(workspace, versions, Path(device))
        assert_it_costs_what_the_old_version_lacks(workspace, versions, Path(device), in_place=True)

    assert filecmp.cmp(backing, versions.folder / "new", shallow=False)
