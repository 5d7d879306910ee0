import os
import socket
import subprocess
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from desync_jobs.archive.looking import TreeLook
from desync_jobs.archive.metadata import Metadata
from desync_jobs.archive.walk import TreeWalk
from desync_jobs.errors import InterruptedRunError, SourceError
from desync_jobs.formats.catar.features import FEATURES
from desync_jobs.formats.flags import FeatureFlags
from tests.filesystems.mounting import mounted
from tests.trees import grow, need_root, small_tree

ALL = FEATURES["best"] | FeatureFlags.EXCLUDE_FILE | FeatureFlags.EXCLUDE_NODUMP


def nothing() -> None:
    """Never stop."""


def look(top: Path, features: FeatureFlags = ALL) -> dict[bytes, str]:
    return dict(TreeLook(os.fspath(top), Metadata(features), nothing).take().listed())


def walked(top: Path, features: FeatureFlags = ALL) -> list[bytes]:
    """Return the paths that an archive has, the top left out."""
    visits = TreeWalk(os.fspath(top), Metadata(features)).visits()
    beginning = os.fsencode(top)
    found = [visit.path for visit in visits if visit is not None]
    return [path.removeprefix(beginning + b"/") for path in found if path != beginning]


@contextmanager
def changed(top: Path) -> Iterator[set[bytes]]:
    """Lend a set that gets the paths whose digests are others than before."""
    before, told = look(top), set[bytes]()
    yield told
    after = look(top)
    told |= {path for path in {*before, *after} if before.get(path) != after.get(path)}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = small_tree(tmp_path / "tree")
    (top / "a" / "link").symlink_to("x")
    return top


def test_what_is_seen_is_what_an_archive_has_in_its_order(tree: Path) -> None:
    found = TreeLook(os.fspath(tree), Metadata(ALL), nothing)

    assert [path for path, _ in found.take().listed()] == [b".", *walked(tree)]
    assert found.entries == 9
    assert found.size == sum(
        len(b"content of " + name) for name in (b"B", b"a/x", b"a/y/z", b"\xc3\xa9")
    )


@pytest.mark.parametrize("seed", range(3))
def test_of_any_tree_is_seen_what_an_archive_has(tmp_path: Path, seed: int) -> None:
    need_root()
    grow(tmp_path / "tree", seed)
    before = len(os.listdir("/proc/self/fd"))

    assert list(look(tmp_path / "tree"))[1:] == walked(tmp_path / "tree")
    assert len(os.listdir("/proc/self/fd")) == before


def test_two_looks_see_the_same_though_everything_was_read_between_them(tree: Path) -> None:
    with changed(tree) as told:
        for path in tree.rglob("*"):
            if path.is_file():
                path.read_bytes()
                os.utime(path, ns=(1, path.stat().st_mtime_ns))

    assert told == set()


def test_a_copy_with_the_same_times_is_the_same_tree(tree: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-a", tree, tmp_path / "copy"], check=True)

    assert look(tmp_path / "copy") == look(tree)


def test_a_file_of_the_same_size_is_another_one_by_its_time(tree: Path) -> None:
    with changed(tree) as told:
        stamp = (tree / "a/y/z").stat().st_mtime_ns
        os.utime(tree / "a/y/z", ns=(0, stamp + 1))

    assert told == {b".", b"a", b"a/y", b"a/y/z"}


@pytest.mark.parametrize("change", ["size", "mode", "target", "kind"])
def test_every_change_of_a_node_is_seen(tree: Path, change: str) -> None:
    path = tree / "a" / ("link" if change == "target" else "x")
    with changed(tree) as told:
        stamps = {one: one.lstat().st_mtime_ns for one in (path, path.parent)}
        match change:
            case "size":
                path.write_bytes(b"more")
            case "mode":
                path.chmod(0o600)
            case "target":
                path.unlink()
                path.symlink_to("y")
            case _:
                path.unlink()
                path.mkdir(0o644)
        for one, stamp in stamps.items():
            os.utime(one, ns=(0, stamp), follow_symlinks=False)

    assert told == {b".", b"a", os.fsencode(path.relative_to(tree))}


def test_another_owner_is_seen(tree: Path) -> None:
    need_root()
    with changed(tree) as told:
        os.chown(tree / "B", 0, 77)

    assert told == {b".", b"B"}


def test_another_device_is_seen(tree: Path) -> None:
    need_root()
    os.mknod(tree / "null", 0o20666, os.makedev(1, 3))
    stamp = (tree / "null").stat().st_mtime_ns
    with changed(tree) as told:
        (tree / "null").unlink()
        os.mknod(tree / "null", 0o20666, os.makedev(1, 5))
        os.utime(tree / "null", ns=(0, stamp))

    assert b"null" in told


def test_what_is_left_out_of_the_archive_is_not_looked_at(tree: Path) -> None:
    (tree / ".caexclude").write_text("*.tmp\na/y\n!keep.tmp\n")
    (tree / "a" / "keep.tmp").touch()
    (tree / "one.tmp").touch()
    assert list(look(tree))[1:] == walked(tree)
    with changed(tree) as told:
        (tree / "one.tmp").write_bytes(b"more")
        (tree / "a" / "y" / "new").touch()

    assert told == set()
    assert b"one.tmp" in look(tree, FEATURES["best"])


def test_a_bad_exclude_file_is_an_error_here_too(tree: Path) -> None:
    (tree / "a" / ".caexclude").symlink_to("missing")

    with pytest.raises(SourceError, match=f"^{tree}/a: its .caexclude cannot be read: No such"):
        look(tree)


def test_what_an_archive_has_no_place_for_is_not_looked_at(tree: Path) -> None:
    os.mkfifo(tree / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(tree / "socket"))
    kept = ALL & ~(FeatureFlags.SOCKETS | FeatureFlags.SYMLINKS)

    assert list(look(tree, kept))[1:] == walked(tree, kept)
    assert b"fifo" in look(tree, kept)
    assert b"socket" not in look(tree, kept)


def test_files_that_are_not_to_be_dumped_are_not_looked_at(tmp_path: Path) -> None:
    need_root()
    with mounted("xfs", tmp_path / "disk", 8) as disk:
        (disk / "unwanted" / "below").mkdir(parents=True)
        (disk / "file").touch()
        subprocess.run(["chattr", "+d", disk / "unwanted"], check=True)
        found, every = look(disk), look(disk, FEATURES["best"])
        assert list(found)[1:] == walked(disk)

    assert list(found) == [b".", b"file"]
    assert b"unwanted/below" in every


def test_other_file_systems_are_looked_at_as_they_are_archived(tmp_path: Path) -> None:
    need_root()
    (tmp_path / "tree").mkdir()
    alone = ALL | FeatureFlags.EXCLUDE_SUBMOUNTS
    with mounted("xfs", tmp_path / "tree" / "disk", 8) as disk:
        (disk / "file").touch()
        found, every = look(tmp_path / "tree", alone), look(tmp_path / "tree")
        assert list(found)[1:] == walked(tmp_path / "tree", alone)

    assert b"disk/file" in every
    assert not {b"disk", b"disk/file"} & set(found)


def test_of_what_the_kernel_makes_up_nothing_is_looked_at() -> None:
    found = TreeLook("/proc", Metadata(ALL), nothing)

    assert [path for path, _ in found.take().listed()] == [b"."]
    assert (found.entries, found.size) == (1, 0)


def test_what_is_no_directory_is_an_error(tree: Path) -> None:
    with pytest.raises(SourceError, match=f"^{tree}/B: cannot be looked at: Not a directory$"):
        look(tree / "B")


def test_what_is_not_there_is_an_error(tree: Path) -> None:
    with pytest.raises(SourceError, match=f"^{tree}/x: is not there, or was removed meanwhile$"):
        look(tree / "x")


def test_a_look_can_be_stopped_and_leaves_nothing_open(tree: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    left = iter(range(4))

    def check() -> None:
        if next(left, None) is None:
            raise InterruptedRunError("SIGINT")

    with pytest.raises(InterruptedRunError):
        TreeLook(os.fspath(tree), Metadata(ALL), check).take()
    assert len(os.listdir("/proc/self/fd")) == before


def test_of_a_large_directory_no_more_than_its_names_is_held(tmp_path: Path) -> None:
    for number in range(4000):
        (tmp_path / f"{number}").touch()
    tracemalloc.start()
    look(tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 1_500_000
