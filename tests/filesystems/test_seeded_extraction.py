"""Extraction with seeds on file systems that share blocks and on those that do not."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from desync_jobs.assembly.zeros import zero_chunk_id
from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import DEFAULT_SIZES, CutMode
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index, serialize_index
from tests.filesystems.conftest import SHARING, Disk
from tests.filesystems.extents import Ranges, flagged_shared, in_the_same_place, mapped
from tests.vectors.inputs import ctr
from tests.workspace import SMALL, Ended, Workspace

BLOCK = 4096
SIZES = {"chunk_size": SMALL, "store": None}
OLD = ctr(1_500_000, b"old")
REPLACED = OLD[:400_000] + ctr(50_000, b"new") + OLD[450_000:]
"""The same but for a stretch: two long runs, neither of which begins or ends with a block."""


@pytest.fixture
def workspace(disk: Disk, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace on each file system, with its store elsewhere."""
    yield Workspace(disk.folder, {"store": {"url": str(tmp_path / "store")}})
    # The file systems are small, and serve all tests.
    shutil.rmtree(disk.folder)


def prepare(workspace: Workspace, old: bytes, new: bytes) -> None:
    """Make the seed `old` and the index of `new`."""
    workspace.make("old", old, chunk_size=SMALL, store=None)
    workspace.seeds["old"] = {"blob": "old", "index": "old.caibx"}
    workspace.make("new", new)
    (workspace / "new").unlink()


def extract(workspace: Workspace, **fields: object) -> Ended:
    plain = {"index": "new.caibx", "target": "copy", "stores": ["store"], "seeds": ["old"]}
    return workspace.do("extract", **plain | fields)


def runs(workspace: Workspace, shift: int = 0) -> Ranges:
    """Return the stretches of neighbouring chunks that seed and index share, by their offsets."""
    old, new = workspace.index("old.caibx"), workspace.index("new.caibx")
    held = {(old.id(at), old.start(at) + shift) for at in range(len(old))}
    found: Ranges = []
    for at in range(len(new)):
        if (new.id(at), new.start(at)) in held:
            if found and found[-1][1] == new.start(at):
                found[-1] = (found[-1][0], new.end(at))
            else:
                found.append((new.start(at), new.end(at)))
    return found


def whole_blocks(ranges: Ranges) -> Ranges:
    blocks = [(-(-begin // BLOCK) * BLOCK, end // BLOCK * BLOCK) for begin, end in ranges]
    return [(begin, end) for begin, end in blocks if begin < end]


def size(ranges: Ranges) -> int:
    return sum(end - begin for begin, end in ranges)


def shared(workspace: Workspace, seed: str = "old", target: str = "copy") -> tuple[Ranges, Ranges]:
    """Return what the target shares, and what of it lies in the blocks of the seed."""
    with (workspace / seed).open("rb") as left, (workspace / target).open("rb") as right:
        return flagged_shared(right.fileno()), in_the_same_place(left.fileno(), right.fileno())


@pytest.mark.parametrize(
    ("new", "shift"),
    [
        pytest.param(REPLACED, 0, id="a stretch replaced"),
        pytest.param(ctr(2 * BLOCK, b"in") + OLD, 2 * BLOCK, id="two blocks put in"),
        pytest.param(OLD[BLOCK:], -BLOCK, id="a block left out"),
    ],
)
@pytest.mark.parametrize("in_place", [False, True])
def test_the_whole_blocks_of_long_runs_are_shared(
    disk: Disk, workspace: Workspace, new: bytes, shift: int, in_place: bool
) -> None:
    prepare(workspace, OLD, new)
    if in_place:
        (workspace / "copy").write_bytes(b"\xff" * (len(new) + 100_000))
    ended = extract(workspace, in_place=in_place)
    common = runs(workspace, shift)
    blocks = whole_blocks(common)
    if new.endswith(OLD[-5000:]):
        # The block that ends both files counts as whole.
        blocks[-1] = (blocks[-1][0], -(-len(new) // BLOCK) * BLOCK)
    if not disk.shares:
        blocks = []
    figures = ended.statistics
    cloned = min(size(blocks), size(blocks) - (blocks[-1][1] - len(new) if blocks else 0))

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == new
    assert any(begin % BLOCK and end % BLOCK for begin, end in common)
    assert figures["bytes_copied_from_seeds"] + figures["bytes_cloned_from_seeds"] == size(common)
    if in_place:
        # The target is longer until the end, so its last block is not the seed's last.
        assert figures["bytes_cloned_from_seeds"] <= cloned
        assert figures["bytes_cloned_from_seeds"] >= (cloned - BLOCK if disk.shares else 0)
    else:
        assert figures["bytes_cloned_from_seeds"] == cloned
        assert disk.kind == "tmpfs" or shared(workspace) == (blocks, blocks)


def test_what_moved_by_less_than_a_block_is_copied(disk: Disk, workspace: Workspace) -> None:
    del disk
    prepare(workspace, OLD, b"a few bytes" + OLD)
    ended = extract(workspace)

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == b"a few bytes" + OLD
    assert ended.statistics["bytes_cloned_from_seeds"] == 0
    assert ended.statistics["bytes_copied_from_seeds"] > len(OLD) - 100_000


def test_an_identical_seed_costs_no_block(disk: Disk, workspace: Workspace) -> None:
    prepare(workspace, OLD, OLD)
    ended = extract(workspace)
    whole = (0, -(-len(OLD) // BLOCK) * BLOCK)

    assert (workspace / "copy").read_bytes() == OLD
    assert ended.statistics["chunks_from_store"] == 0
    assert ended.statistics["bytes_cloned_from_seeds"] == (len(OLD) if disk.shares else 0)
    if disk.shares:
        assert shared(workspace) == ([whole], [whole])


def test_later_changes_of_a_seed_do_not_reach_the_target(workspace: Workspace) -> None:
    prepare(workspace, OLD, REPLACED)
    extract(workspace)
    with (workspace / "old").open("r+b") as file:
        file.write(b"\xff" * 200_000)

    assert (workspace / "copy").read_bytes() == REPLACED


@pytest.mark.parametrize("policy", ["fail", "skip", "regenerate"])
def test_damage_in_what_is_shared_is_found_and_made_good(workspace: Workspace, policy: str) -> None:
    prepare(workspace, OLD, REPLACED)
    with (workspace / "old").open("r+b") as file:
        file.seek(200_000)
        file.write(b"damage")
    ended = extract(workspace, invalid_seeds=policy)
    figures = ended.statistics

    if policy == "fail":
        assert ended.summary == (4, "failed")
        assert not (workspace / "copy").exists()
    else:
        assert ended.summary == (0, "done")
        assert (workspace / "copy").read_bytes() == REPLACED
        assert figures["damaged_seed_chunks"] == 1
        total = sum(
            int(figures[f"bytes_{how}"])
            for how in ("from_store", "copied_from_seeds", "cloned_from_seeds")
        )
        assert total == len(REPLACED)
        assert min(figures["bytes_copied_from_seeds"], figures["bytes_cloned_from_seeds"]) >= 0


def test_a_seed_on_another_file_system_is_copied(
    disk: Disk, workspace: Workspace, tmp_path: Path
) -> None:
    del disk
    prepare(workspace, OLD, REPLACED)
    (tmp_path / "old").write_bytes(OLD)
    (workspace / "old").unlink()
    workspace.seeds["old"]["blob"] = str(tmp_path / "old")
    ended = extract(workspace)

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == REPLACED
    assert ended.statistics["bytes_cloned_from_seeds"] == 0


def test_a_seed_in_a_folder_that_cannot_be_written_is_shared_as_well(
    disk: Disk, workspace: Workspace
) -> None:
    prepare(workspace, OLD, REPLACED)
    folder = workspace / "locked"
    folder.mkdir()
    (workspace / "old").rename(folder / "old")
    workspace.seeds["old"]["blob"] = "locked/old"
    folder.chmod(0o555)
    ended = extract(workspace)

    assert ended.summary == (0, "done")
    assert (ended.statistics["bytes_cloned_from_seeds"] > 1_000_000) is disk.shares
    assert os.listdir(folder) == ["old"]
    assert sorted(os.listdir(workspace.path)) == ["copy", "locked", "new.caibx", "old.caibx"]


@pytest.fixture
def read_only(workspace: Workspace) -> Iterator[Path]:
    """A second view of a folder of the file system, which nothing can be written to."""
    source, view = workspace / "source", workspace / "view"
    source.mkdir()
    view.mkdir()
    subprocess.run(["mount", "--bind", source, view], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", view], check=True)
    yield view
    subprocess.run(["umount", view], check=True)


def test_a_seed_that_is_mounted_read_only_is_used(workspace: Workspace, read_only: Path) -> None:
    prepare(workspace, OLD, REPLACED)
    (workspace / "old").rename(workspace / "source" / "old")
    workspace.seeds["old"]["blob"] = str(read_only / "old")
    ended = extract(workspace)

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == REPLACED
    assert ended.statistics["chunks_from_store"] < 15
    assert os.listdir(read_only) == ["old"]


@pytest.mark.parametrize("shift", [BLOCK, -BLOCK, 1, -1], ids=str)
def test_a_target_whose_content_moved_is_its_own_seed(workspace: Workspace, shift: int) -> None:
    new = ctr(shift, b"in") + OLD if shift > 0 else OLD[-shift:]
    prepare(workspace, OLD, new)
    (workspace / "copy").hardlink_to(workspace / "old")
    ended = extract(workspace, in_place=True)

    assert ended.summary == (0, "done")
    assert ended.warnings == []
    assert (workspace / "copy").read_bytes() == new
    assert ended.statistics["chunks_from_store"] <= 3


HUGE = 100 << 30


@pytest.fixture(scope="session")
def zeros(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the index of 100 GiB of zeros and, as a seed, 4 MiB of them."""
    workspace = Workspace(tmp_path_factory.mktemp("zeros"))
    count = HUGE // DEFAULT_SIZES.maximum
    algorithm = DigestAlgorithm.SHA512_256
    zero = np.frombuffer(zero_chunk_id(algorithm, DEFAULT_SIZES.maximum), np.uint8)
    ends = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(DEFAULT_SIZES.maximum)
    flags = blob_flags(algorithm, CutMode.CASYNC)
    index = Index(flags, DEFAULT_SIZES, ends, np.tile(zero, (count, 1)))
    (workspace / "new.caibx").write_bytes(serialize_index(index))
    workspace.make("old", bytes(4 << 20), store=None, chunk_size=str(DEFAULT_SIZES))
    (workspace / "store").mkdir()
    return workspace.path


@pytest.mark.parametrize("there", [None, b"", b"\xff" * 300_000])
def test_100_gib_of_zeros_take_seconds_and_no_block(
    disk: Disk, workspace: Workspace, zeros: Path, there: bytes | None
) -> None:
    """With a seed that is zeros too, which is none the better for it."""
    workspace.places["store"] = {"url": str(zeros / "store")}
    workspace.seeds["old"] = {"blob": str(zeros / "old"), "index": str(zeros / "old.caibx")}
    if there is not None:
        (workspace / "copy").write_bytes(there)
    began = time.monotonic()
    ended = extract(workspace, index=str(zeros / "new.caibx"), in_place=there is not None)
    seconds = time.monotonic() - began
    with (workspace / "copy").open("rb") as file:
        os.fsync(file.fileno())
        found = os.fstat(file.fileno())
        extents = [] if disk.kind == "tmpfs" else mapped(file.fileno())
        begin = file.read(1 << 20)
        file.seek(-1, os.SEEK_END)
        end = file.read()

    assert ended.summary == (0, "done"), ended.message
    assert (found.st_size, found.st_blocks, extents) == (HUGE, 0, [])
    assert begin + end == bytes((1 << 20) + 1)
    assert ended.statistics["chunks_from_store"] == 0
    assert seconds < 15  # below one second where nothing else runs


@pytest.mark.parametrize("mount", SHARING, indirect=True)
def test_zeros_between_shared_runs_stay_holes(workspace: Workspace) -> None:
    data = OLD[:500_000] + bytes(4 << 20) + OLD[500_000:]
    prepare(workspace, data, data)
    ended = extract(workspace)
    with (workspace / "copy").open("rb") as file:
        holes = (4 << 20) - (size(mapped(file.fileno())) - len(OLD))

    assert ended.summary == (0, "done")
    assert (workspace / "copy").read_bytes() == data
    assert holes > 3 << 20


def test_what_targets_of_one_operation_share_is_stored_once(
    disk: Disk, workspace: Workspace
) -> None:
    (workspace / "out").mkdir()
    for name in ("a", "b", "c"):
        workspace.make(name, OLD + name.encode() * 50_000)
        (workspace / name).unlink()
    ended = workspace.do("extract", indexes="*.caibx", targets="out", stores=["store"])
    figures = ended.statistics
    moved = [one["bytes_cloned_from_seeds"] for one in figures["targets"]]

    assert ended.summary == (0, "done")
    for name in ("a", "b", "c"):
        assert (workspace / "out" / name).read_bytes() == OLD + name.encode() * 50_000
    assert figures["bytes_cloned_from_seeds"] == sum(moved)
    if disk.shares:
        assert moved[0] == 0
        assert min(moved[1:]) > len(OLD) - 100_000
        for name in ("b", "c"):
            assert size(shared(workspace, "out/a", f"out/{name}")[1]) >= moved[1] - BLOCK
    else:
        assert moved == [0, 0, 0]
        assert figures["bytes_copied_from_seeds"] > 2 * (len(OLD) - 100_000)
