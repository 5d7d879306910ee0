"""What `untar` takes from files of seeds shares their blocks, where the file system can."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from desync_jobs.archive.twins import Twin
from tests.filesystems.conftest import Disk
from tests.filesystems.extents import extents, in_the_same_place
from tests.workspace import SMALL, Ended, Workspace

SIZES = {"large": 2_000_000, "medium": 150_000, "small": 9_000, "odd": 70_001, "tiny": 60}
CHANGED = 1_000_000


@pytest.fixture
def volume(disk: Disk) -> Workspace:
    """Trees `old` and `new` that differ in the middle of a file, and the chunks of `new`."""
    random = Random(2)
    workspace = Workspace(disk.folder)
    (workspace / "new" / "d").mkdir(parents=True)
    for name, size in SIZES.items():
        (workspace / "new" / "d" / name).write_bytes(random.randbytes(size))
    shutil.copytree(workspace / "new", workspace / "old")
    with (workspace / "old" / "d" / "large").open("r+b") as file:
        file.seek(CHANGED)
        file.write(b"was otherwise")
    about = (workspace / "new" / "d" / "large").stat()
    os.utime(workspace / "old" / "d" / "large", ns=(about.st_atime_ns, about.st_mtime_ns))
    fields = {"chunk_size": SMALL, "store": "store"}
    workspace.do("tar", directory="new", index="new.caidx", **fields)
    workspace.seeds["old"] = {"tree": "old"}
    os.sync()
    return workspace


def unpack(workspace: Workspace, **fields: Any) -> Ended:
    given = {"index": "new.caidx", "stores": ["store"], "target": "out", "seeds": ["old"], **fields}
    ended = workspace.do("untar", **given)
    assert ended.summary == (0, "done"), ended.message
    return ended


@contextmanager
def opened(*paths: Path) -> Iterator[list[int]]:
    fds = [os.open(path, os.O_RDONLY) for path in paths]
    try:
        yield fds
    finally:
        for fd in fds:
            os.close(fd)


def shared(workspace: Workspace, name: str, tree: str = "out") -> int:
    """Return how many bytes of a file lie in blocks of the seed's file of the same name."""
    with opened(workspace / "old" / "d" / name, workspace / tree / "d" / name) as fds:
        return sum(end - begin for begin, end in in_the_same_place(*fds))


def all_right(workspace: Workspace, tree: str) -> bool:
    return all(
        (workspace / tree / "d" / name).read_bytes()
        == (workspace / "new" / "d" / name).read_bytes()
        for name in SIZES
    )


@pytest.mark.parametrize("atomic", [False, True])
def test_files_of_a_seed_share_their_blocks_and_are_right(
    disk: Disk, volume: Workspace, atomic: bool
) -> None:
    ended = unpack(volume, atomic=atomic)
    statistics = ended.statistics

    assert all_right(volume, "out")
    assert statistics["files_linked"] == 0
    if not disk.shares:
        assert (statistics["files_cloned"], statistics["bytes_cloned"]) == (0, 0)
        return
    # What lies in another place by now is around what differs, and no more than two pieces of it.
    for name in ("medium", "small", "odd"):
        assert shared(volume, name) >= SIZES[name] // 4096 * 4096
    lost = SIZES["large"] - shared(volume, "large")
    assert 0 < lost <= 2 * (1 << 16) + 2 * 4096
    assert statistics["files_cloned"] == 4
    borrowed = sum(SIZES[name] for name in ("large", "medium", "small", "odd"))
    assert borrowed - lost - 5 * 4096 <= statistics["bytes_cloned"] <= borrowed - lost + 4096


def test_the_blocks_of_the_old_tree_become_those_of_the_new_one(
    disk: Disk, volume: Workspace
) -> None:
    def blocks() -> list[int]:
        with opened(volume / "old" / "d" / "medium") as (fd,):
            return [one.physical for one in extents(fd)] if disk.shares else []

    before = blocks(), (volume / "old").stat().st_ino
    ended = unpack(volume, target="old", seeds=[], atomic=True)

    assert all_right(volume, "old")
    assert ended.statistics["files_cloned"] == (4 if disk.shares else 0)
    assert blocks() == before[0]
    assert (volume / "old").stat().st_ino != before[1]


@pytest.mark.parametrize("atomic", [False, True])
def test_links_lead_to_files_whose_metadata_are_right_too(
    disk: Disk, volume: Workspace, atomic: bool
) -> None:
    (volume / "old" / "d" / "medium").chmod(0o600)
    ended = unpack(volume, hardlink=True, atomic=atomic)
    linked = {
        name
        for name in SIZES
        if os.path.samefile(volume / "old" / "d" / name, volume / "out" / "d" / name)
    }
    wanted = {"small", "odd", "tiny"}

    assert all_right(volume, "out")
    assert linked == wanted
    assert ended.statistics["files_linked"] == len(wanted)
    assert ended.statistics["bytes_linked"] == sum(SIZES[name] for name in wanted)
    assert (volume / "out" / "d" / "medium").stat().st_mode & 0o777 == 0o644
    assert ended.statistics["files_cloned"] == (2 if disk.shares else 0)
    assert sorted(os.listdir(volume / "out" / "d")) == sorted(SIZES)


def test_large_files_are_linked_and_links_are_left_alone_the_next_time(volume: Workspace) -> None:
    volume.seeds["old"] = {"tree": "new"}
    first = unpack(volume, hardlink=True)
    links = {name: (volume / "out" / "d" / name).stat().st_nlink for name in SIZES}
    fields = {"index": "new.caidx", "stores": ["store"], "target": "out", "seeds": ["old"]}
    again = volume.do("untar", hardlink=True, **fields)
    apart = volume.do("untar", **fields)

    assert first.statistics["files_linked"] == len(SIZES)
    assert links == dict.fromkeys(SIZES, 2)
    assert again.summary == (0, "unchanged")
    # Who does not ask for links has none.
    assert apart.statistics["entries_written"] == len(SIZES)
    assert {(volume / "out" / "d" / name).stat().st_nlink for name in SIZES} == {1}
    assert all_right(volume, "out")


@pytest.mark.parametrize(
    ("how", "hardlink"),
    [
        ("other content", False),
        ("other content", True),
        ("shorter", False),
        ("gone", True),
        ("other mode", True),
    ],
)
def test_a_file_that_changes_before_it_is_borrowed_makes_nothing_wrong(
    volume: Workspace, monkeypatch: pytest.MonkeyPatch, how: str, hardlink: bool
) -> None:
    plainly = Twin.opened
    volume.seeds["old"] = {"tree": "copy"}
    shutil.copytree(volume / "new", volume / "copy")

    @contextmanager
    def changing(twin: Twin) -> Iterator[int]:
        path = volume / "copy" / os.fsdecode(twin.seed.layout.reach.path(twin.file))
        time = path.stat().st_mtime_ns
        match how:
            case "other content":
                path.write_bytes(os.urandom(path.stat().st_size))
            case "shorter":
                os.truncate(path, 5_000)
            case "gone":
                path.unlink()
            case _:
                path.chmod(0o600)
        if path.exists():
            os.utime(path, ns=(time, time))
        with plainly(twin) as fd:
            yield fd

    monkeypatch.setattr(Twin, "opened", changing)
    ended = unpack(volume, hardlink=hardlink)
    modes = {(volume / "out" / "d" / name).stat().st_mode & 0o777 for name in SIZES}

    assert all_right(volume, "out")
    assert modes == {0o644}
    assert ended.statistics["files_linked"] == 0
    if how != "other mode":
        assert ended.statistics["bytes_cloned"] == 0
    assert sorted(os.listdir(volume / "out" / "d")) == sorted(SIZES)
