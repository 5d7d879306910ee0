import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from desync_jobs.archive.encoding import ArchiveEncoder, ContentCopier
from desync_jobs.archive.layout import TreeLayout
from desync_jobs.archive.metadata import Metadata
from desync_jobs.archive.walk import PassOver, TreeWalk
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import InterruptedRunError, SourceError
from desync_jobs.formats.flags import FeatureFlags
from tests.archives import EVERYTHING
from tests.trees import grow, need_root

FEATURES = FeatureFlags(EVERYTHING)


def archive_of(top: Path) -> bytes:
    parts: list[bytes] = []
    sink = ContentCopier(lambda data: parts.append(bytes(data)), Cancel())
    ArchiveEncoder(sink, Cancel()).encode(TreeWalk(os.fspath(top), Metadata(FEATURES)).visits())
    return b"".join(parts)


@contextmanager
def laid_out(top: Path, pass_over: PassOver | None = None) -> Iterator[TreeLayout]:
    with TreeLayout(os.fspath(top)) as layout:
        walk = TreeWalk(os.fspath(top), Metadata(FEATURES), pass_over)
        layout.take(walk.visits(), Cancel())
        yield layout


def part(layout: TreeLayout, begin: int, end: int) -> bytes:
    view = memoryview(bytearray(end - begin))
    return bytes(view[: layout.read(view, begin)])


def whole(layout: TreeLayout) -> bytes:
    parts: list[bytes] = []
    layout.write_to(lambda data: parts.append(bytes(data)), Cancel())
    return b"".join(parts)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    random = Random(5)
    for name in ("B", "a/x", "a/y/z", "a/y/w", "é", "a/q/r/s/t/u"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(name.encode() + random.randbytes(9_000))
    (top / "a" / "empty").touch()
    return top


def place(top: Path, name: str) -> int:
    """Return where in the archive the content of a file is."""
    return archive_of(top).index((top / name).read_bytes())


def test_what_is_laid_out_is_the_archive(tree: Path) -> None:
    before = descriptors()
    with laid_out(tree) as layout:
        assert whole(layout) == archive_of(tree)
        assert layout.size == len(archive_of(tree))
        assert layout.files == 6
        assert layout.entries == 14

    assert descriptors() == before


@pytest.mark.parametrize("seed", range(6))
def test_any_range_of_any_tree_is_read_from_any_thread(tmp_path: Path, seed: int) -> None:
    need_root()
    grow(tmp_path / "tree", seed)
    archive, random = archive_of(tmp_path / "tree"), Random(seed)
    ranges = [sorted(random.choices(range(len(archive) + 1), k=2)) for _ in range(200)]
    with laid_out(tmp_path / "tree") as layout, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda one: part(layout, *one), ranges))

    assert found == [archive[begin:end] for begin, end in ranges]


def test_every_border_of_a_range_is_right(tmp_path: Path) -> None:
    (tmp_path / "tree" / "d").mkdir(parents=True)
    for name in ("a", "b", "d/c"):
        (tmp_path / "tree" / name).write_bytes(name.encode() * 3)
    archive = archive_of(tmp_path / "tree")
    with laid_out(tmp_path / "tree") as layout:
        for begin in range(0, len(archive), 7):
            for end in range(begin, len(archive) + 1, 5):
                assert part(layout, begin, end) == archive[begin:end]
        assert part(layout, len(archive) - 3, len(archive) + 3) == archive[-3:]


def test_a_tree_without_content_and_an_empty_one_have_only_records(tmp_path: Path) -> None:
    for name in ("empty", "names/a/b"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("empty", "names"):
        with laid_out(tmp_path / name) as layout:
            assert whole(layout) == archive_of(tmp_path / name)
            assert layout.files == 0


def test_what_changed_afterwards_is_read_as_it_is_now(tree: Path) -> None:
    begin = place(tree, "a/x")
    with laid_out(tree) as layout:
        (tree / "a" / "x").write_bytes(bytes(9_003))

        assert part(layout, begin, begin + 9_003) == bytes(9_003)


@pytest.mark.parametrize("how", ["shorter", "gone", "link", "fifo", "folder gone", "folder link"])
def test_what_is_not_there_any_more_ends_a_range_and_is_zeros_of_the_whole(
    tree: Path, how: str, tmp_path: Path
) -> None:
    """Links that took the place of something lead to the very content that was there."""
    archive, begin, kept = archive_of(tree), place(tree, "a/y/z"), 0
    shutil.copytree(tree, tmp_path / "copy")
    with laid_out(tree) as layout:
        match how:
            case "shorter":
                os.truncate(tree / "a" / "y" / "z", 70)
                kept = 70
            case "gone":
                (tree / "a" / "y" / "z").unlink()
            case "link":
                (tree / "a" / "y" / "z").unlink()
                (tree / "a" / "y" / "z").symlink_to(tmp_path / "copy" / "a" / "y" / "z")
            case "fifo":
                (tree / "a" / "y" / "z").unlink()
                os.mkfifo(tree / "a" / "y" / "z")
            case _:
                (tree / "a" / "y").rename(tmp_path / "moved")
                if how == "folder link":
                    (tree / "a" / "y").symlink_to(tmp_path / "copy" / "a" / "y")
        found = part(layout, begin - 10, begin + 100)
        rest = whole(layout)

    assert found == archive[begin - 10 : begin + kept]
    assert rest[begin + kept : begin + 9_005] == bytes(9_005 - kept)
    assert rest[begin + 9_005 :] == archive[begin + 9_005 :]


def test_what_cannot_be_archived_is_left_out_and_told(tree: Path) -> None:
    need_root()
    os.chown(tree / "B", 65535, 0)
    os.chown(tree / "a" / "y", 0, 65535)
    passed: list[SourceError] = []
    with laid_out(tree, passed.append) as layout:
        found = whole(layout)
    (tree / "B").unlink()
    # Of the directory that loses an entry, nothing but its time changes.
    about = (tree / "a").stat()
    shutil.rmtree(tree / "a" / "y")
    os.utime(tree / "a", ns=(about.st_atime_ns, about.st_mtime_ns))

    reason = "no archive can have an owner with the number 65535"
    assert list(map(str, passed)) == [f"{tree}/B: {reason}", f"{tree}/a/y: {reason}"]
    assert len(found) == len(archive_of(tree))
    with pytest.raises(SourceError, match="cannot be opened: No such file or directory"):
        TreeLayout(f"{tree}/no")


def test_a_file_that_changes_while_it_is_looked_at_is_told(tree: Path) -> None:
    passed: list[SourceError] = []
    walk = TreeWalk(os.fspath(tree), Metadata(FEATURES), passed.append)
    with TreeLayout(os.fspath(tree)) as layout:

        def changing() -> Iterator[object]:
            for visit in walk.visits():
                yield visit
                if visit is not None and visit.node.name == b"x":
                    os.truncate(tree / "a" / "x", 1)

        layout.take(changing(), Cancel())  # type: ignore[arg-type]

    assert [str(one) for one in passed] == [
        f"{tree}/a/x: changed while it was read; make the archive again when it is at rest"
    ]


def test_more_directories_than_are_kept_open_are_reached(tmp_path: Path) -> None:
    for number in range(60):
        folder = tmp_path / "tree" / f"{number % 7}" / f"{number}" / "deep"
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(f"{number}".encode() * 50)
    archive = archive_of(tmp_path / "tree")
    before = descriptors()
    with laid_out(tmp_path / "tree") as layout:
        assert whole(layout) == archive
        assert descriptors() - before < 20


def test_paths_deeper_than_any_stack_are_reached(tmp_path: Path) -> None:
    top = tmp_path / "tree"
    top.mkdir()
    fd = os.open(top, os.O_RDONLY)
    for _ in range(1_100):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    with open(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=fd), "wb") as file:
        file.write(b"deep down")
    os.close(fd)
    with TreeLayout(os.fspath(top)) as layout:
        layout.reach.folders.add(0, b"d")
        for number in range(1, 1_100):
            layout.reach.folders.add(number, b"d")
        layout.reach.files.add(1_100, b"f")
        with layout.reach.opened(0) as reached:
            assert os.read(reached, 100) == b"deep down"
        assert layout.reach.path(0) == b"d/" * 1_100 + b"f"
    # What cleans up after the tests does not reach so deep.
    subprocess.run(["rm", "-r", top], check=True)


def test_a_stopped_run_stops_laying_out_and_writing(tree: Path) -> None:
    stopped = Cancel()
    stopped.stop("SIGINT")
    with TreeLayout(os.fspath(tree)) as layout, pytest.raises(InterruptedRunError):
        layout.take(TreeWalk(os.fspath(tree), Metadata(FEATURES)).visits(), stopped)
