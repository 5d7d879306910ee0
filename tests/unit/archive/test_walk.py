import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from desync_jobs.archive.encoding import ArchiveEncoder, ContentCopier
from desync_jobs.archive.metadata import Metadata
from desync_jobs.archive.walk import TreeWalk, Visit
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import InterruptedRunError, SourceError
from desync_jobs.formats.catar.features import FEATURES
from desync_jobs.formats.catar.records import QuotaProject
from desync_jobs.formats.flags import FeatureFlags
from tests.filesystems.mounting import mounted
from tests.trees import need_root, small_tree

ALL = FEATURES["best"] | FeatureFlags.EXCLUDE_FILE | FeatureFlags.EXCLUDE_NODUMP


def walk(top: Path, features: FeatureFlags = ALL) -> Iterator[Visit | None]:
    return TreeWalk(os.fspath(top), Metadata(features)).visits()


def names(visits: Iterable[Visit | None]) -> list[str | None]:
    return [None if visit is None else os.fsdecode(visit.node.name) for visit in visits]


def encode(visits: Iterable[Visit | None], cancel: Cancel | None = None) -> bytes:
    parts: list[bytes] = []
    cancel = cancel or Cancel()
    sink = ContentCopier(lambda data: parts.append(bytes(data)), cancel)
    ArchiveEncoder(sink, cancel).encode(visits)
    return b"".join(parts)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return small_tree(tmp_path / "tree")


def test_names_come_by_their_bytes_and_a_directory_before_what_is_in_it(tree: Path) -> None:
    before = descriptors()

    assert names(walk(tree)) == [
        *("", "B", "a", "empty", None, "x", "y", "z", None, None, "é", None)
    ]
    assert descriptors() == before


def test_a_walk_that_is_given_up_leaves_nothing_open(tree: Path) -> None:
    before = descriptors()
    visits = walk(tree)
    for _ in range(8):
        next(visits)
    during = descriptors()
    del visits

    assert during > before
    assert descriptors() == before


@pytest.mark.parametrize("change", ["longer", "shorter", "other"])
def test_w8_a_file_that_changes_while_it_is_read_is_an_error(tree: Path, change: str) -> None:
    changed = tree / "a" / "x"

    def visits() -> Iterator[Visit | None]:
        for visit in walk(tree):
            if visit is not None and visit.node.name == b"x":
                match change:
                    case "longer":
                        with changed.open("ab") as file:
                            file.write(b"more")
                    case "shorter":
                        os.truncate(changed, 3)
                    case _:
                        os.utime(changed, ns=(1, 1))
            yield visit

    reason = "became shorter" if change == "shorter" else "changed"
    with pytest.raises(SourceError, match=f"^{changed}: {reason} while it was read"):
        encode(visits())


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "large").write_bytes(data)
    sizes: list[int] = []
    sink = ContentCopier(lambda part: sizes.append(len(part)), Cancel())
    ArchiveEncoder(sink, Cancel()).encode(walk(tmp_path))

    assert data in encode(walk(tmp_path))
    assert max(sizes) == 1 << 20


def test_what_is_removed_meanwhile_is_an_error(tree: Path) -> None:
    visits = walk(tree)
    next(visits)
    shutil.rmtree(tree / "a")
    (tree / "B").unlink()

    with pytest.raises(SourceError, match=f"^{tree}/B: is not there, or was removed meanwhile$"):
        names(visits)


def test_what_is_no_directory_is_an_error(tree: Path) -> None:
    with pytest.raises(SourceError, match=f"^{tree}/B: cannot be read: Not a directory$"):
        names(walk(tree / "B"))


def test_an_interrupted_walk_is_no_success(tree: Path) -> None:
    cancel = Cancel()
    cancel.stop("SIGINT")

    with pytest.raises(InterruptedRunError):
        encode(walk(tree), cancel)


@pytest.mark.parametrize(
    ("owner", "features", "message"),
    [
        (65535, "32bit-uids", "no archive can have an owner with the number 65535"),
        (65536, "16bit-uids", "its owner 65536 is more than 16 bits; keep 32bit-uids"),
        (41000, "user-names", "its owner 41000 has no name to be kept; keep 32bit-uids"),
    ],
)
def test_an_owner_that_no_archive_has_is_an_error(
    tree: Path, owner: int, features: str, message: str
) -> None:
    need_root()
    os.chown(tree / "B", owner, 0)

    with pytest.raises(SourceError, match=f"^{tree}/B: {message}$"):
        names(walk(tree, FEATURES[features]))


def test_the_one_time_that_means_none_is_an_error(tree: Path) -> None:
    os.utime(tree / "B", ns=(-1, -1))

    with pytest.raises(SourceError, match="a nanosecond before 1970; touch it"):
        names(walk(tree))
    assert names(walk(tree, FEATURES["sec-time"]))[1] == "B"


def test_attributes_without_a_place_in_an_archive_are_told(tree: Path) -> None:
    need_root()
    os.mkfifo(tree / "fifo")
    os.mkfifo(tree / "other")
    for name in ("fifo", "other"):
        os.setxattr(tree / name, "trusted.note", b"x")
    os.setxattr(tree / "B", "security.other", b"x")
    metadata = Metadata(ALL)
    names(TreeWalk(os.fspath(tree), metadata).visits())

    assert list(metadata.unkept.messages()) == [
        "the attribute security.other of 'B' has no place in an archive",
        "the attribute trusted.note of 'fifo' and 1 other has no place in an archive",
    ]


def test_projects_and_attributes_are_kept(tmp_path: Path) -> None:
    need_root()
    with mounted("xfs", tmp_path / "disk", 8) as disk:
        (disk / "file").touch()
        (disk / "unwanted").touch()
        subprocess.run(["chattr", "-p", "77", disk / "file"], check=True)
        subprocess.run(["chattr", "+A", disk / "file"], check=True)
        subprocess.run(["chattr", "+d", disk / "unwanted"], check=True)
        found = {visit.node.name: visit.node for visit in walk(disk) if visit is not None}

    assert found[b"file"].project == QuotaProject(77)
    assert found[b"file"].entry.flags == FeatureFlags.ATTRIBUTE_NOATIME
    assert b"unwanted" not in found
