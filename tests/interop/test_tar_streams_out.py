"""GNU tar and bsdtar extract from our streams the tree that the archive was made of."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.interop.tars import EVERYTHING, bsdtar, gnu_tar, plain_times
from tests.trees import grow, need_root
from tests.workspace import SMALL, Workspace

LOSSES = {
    "gnu": ["sockets", "xattrs", "acl", "fcaps", "nsec-time", "usec-time"],
    "pax": ["sockets"],
}
SEED = 33


@pytest.fixture
def tree(workspace: Workspace) -> Path:
    """A tree of every kind of entry, called `tree`, and its archive `tree.catar`."""
    need_root()
    top = workspace / "tree"
    grow(top, SEED)
    (top / ("long" * 40) / ("deep" * 40)).mkdir(parents=True)
    (top / ("long" * 40) / ("n" * 150)).symlink_to("t" * 150)
    (top / "capable").write_bytes(b"x" * 1000)
    os.setxattr(top / "capable", "security.capability", bytes.fromhex("01000002" + "00" * 16))
    plain_times(top)
    os.utime(top, (7, 7))
    return top


def archived(workspace: Workspace, tree: str, archive: str, *without: str) -> bytes:
    ended = workspace.do("tar", directory=tree, archive=archive, without_features=without)
    assert ended.summary == (0, "done")
    return (workspace / archive).read_bytes()


def test_gnu_tar_extracts_everything_of_a_pax_stream(workspace: Workspace, tree: Path) -> None:
    before = archived(workspace, "tree", "tree.catar", *LOSSES["pax"])
    ended = workspace.do("untar", archive="tree.catar", tar_stream="out.tar")
    (workspace / "back").mkdir()
    gnu_tar(workspace / "back", "-x", "-p", *EVERYTHING, "-f", "../out.tar")

    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    assert archived(workspace, "back", "back.catar", *LOSSES["pax"]) == before
    assert tree.is_dir()


def test_bsdtar_extracts_everything_of_a_pax_stream(workspace: Workspace, tree: Path) -> None:
    before = archived(workspace, "tree", "tree.catar", *LOSSES["pax"])
    workspace.do("untar", archive="tree.catar", tar_stream="out.tar")
    (workspace / "back").mkdir()
    bsdtar(workspace / "back", "-x", "-p", "--acls", "--xattrs", "-f", "../out.tar")
    os.utime(workspace / "back", (7, 7))

    assert archived(workspace, "back", "back.catar", *LOSSES["pax"]) == before
    assert tree.is_dir()


@pytest.mark.parametrize("program", [gnu_tar, bsdtar])
def test_both_extract_from_a_gnu_stream_what_it_holds(
    workspace: Workspace, tree: Path, program: type
) -> None:
    for path in tree.rglob("*"):
        # casync rounds times before 1970 to no whole second.
        if path.lstat().st_mtime_ns < 0:
            os.utime(path, (0, 0), follow_symlinks=False)
    os.utime(tree, (7, 7))
    before = archived(workspace, "tree", "tree.catar", *LOSSES["gnu"])
    workspace.do("untar", archive="tree.catar", tar_stream="out.tar", tar_format="gnu")
    (workspace / "back").mkdir()
    program(workspace / "back", "-x", "-p", "-f", "../out.tar")
    os.utime(workspace / "back", (7, 7))

    assert archived(workspace, "back", "back.catar", *LOSSES["gnu"]) == before


@pytest.mark.parametrize("seed", range(6))
def test_a_pax_stream_becomes_the_archive_again_that_it_was_made_of(
    workspace: Workspace, seed: int
) -> None:
    need_root()
    grow(workspace / "tree", seed)
    before = archived(workspace, "tree", "tree.catar", "sockets")
    workspace.do("untar", archive="tree.catar", tar_stream="out.tar")
    ended = workspace.do(
        "tar", tar_stream="out.tar", archive="back.catar", without_features=["sockets"]
    )

    assert (ended.summary, ended.warnings) == ((0, "done"), [])
    assert (workspace / "back.catar").read_bytes() == before


def test_the_stream_of_an_index_is_that_of_its_archive(workspace: Workspace, tree: Path) -> None:
    workspace.do("tar", directory="tree", index="t.caidx", store="store", chunk_size=SMALL)
    archived(workspace, "tree", "tree.catar")
    first = workspace.do("untar", index="t.caidx", stores=["store"], tar_stream="a.tar")
    workspace.do("untar", archive="tree.catar", tar_stream="b.tar")
    again = workspace.do("untar", archive="tree.catar", tar_stream="b.tar")
    streamed = workspace.do("untar", archive="tree.catar", tar_stream="-")
    made = (workspace / "a.tar").read_bytes()

    assert [first.summary, again.summary] == [(0, "done"), (0, "unchanged")]
    assert hashlib.sha256(made).digest() == hashlib.sha256(streamed.output).digest()
    assert made == (workspace / "b.tar").read_bytes()
    assert first.statistics["bytes"] == len(made)
    assert tree.is_dir()


def test_a_long_name_that_is_no_utf_8_comes_back(workspace: Workspace) -> None:
    name = os.fsdecode(b"\xff" * 150)
    (workspace / "tree").mkdir()
    (workspace / "tree" / name).write_bytes(b"x")
    archived(workspace, "tree", "tree.catar")
    workspace.do("untar", archive="tree.catar", tar_stream="out.tar")
    for program in (gnu_tar, bsdtar):
        folder = workspace / program.__name__
        folder.mkdir()
        program(folder, "-x", "-f", "../out.tar")

        assert os.listdir(folder) == [name]
