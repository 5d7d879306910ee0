"""Trees are unpacked as casync unpacks them, attribute by attribute.

CATAR_TREES sets how many random trees go there and back.
"""

import os
import stat
from pathlib import Path

import pytest

from tests.interop.casync import casync
from tests.interop.test_casync_archives import FEATURES, TREES, fields
from tests.trees import grow, need_root
from tests.workspace import How, Workspace


def everything(top: Path) -> dict[str, tuple[object, ...]]:
    """Return what is known of each file of a tree; a directory has no size of its own."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(os.fsencode(top)):
        for path in [folder, *(os.path.join(folder, name) for name in files + folders)]:
            about = os.lstat(path)
            names = os.listxattr(path, follow_symlinks=False)
            xattrs = {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
            content: object = None
            if stat.S_ISREG(about.st_mode):
                content = Path(os.fsdecode(path)).read_bytes()
            elif stat.S_ISLNK(about.st_mode):
                content = os.readlink(path)
            owner = about.st_uid, about.st_gid
            found[os.fsdecode(os.path.relpath(path, os.fsencode(top)))] = (
                *(oct(about.st_mode), owner, about.st_mtime_ns, about.st_rdev, xattrs, content),
            )
    return found


def grown(top: Path, seed: int) -> None:
    """Make a tree without times before 1970: casync takes those for times after 2500."""
    grow(top, seed)
    for folder, folders, files in os.walk(top, topdown=False):
        for path in [*(Path(folder, name) for name in folders + files), Path(folder)]:
            if path.lstat().st_mtime_ns < 0:
                os.utime(path, ns=(5, 5), follow_symlinks=False)


@pytest.mark.parametrize("seed", range(TREES))
def test_what_casync_archives_is_unpacked_as_casync_unpacks_it(
    workspace: Workspace, seed: int
) -> None:
    need_root()
    grown(workspace / "tree", seed)
    casync(workspace.path, "make", "tree.catar", "tree")
    casync(workspace.path, "make", "--store=store", "tree.caidx", "tree")
    casync(workspace.path, "extract", "tree.catar", "theirs")
    how = How(workers=1 + seed % 3)
    plain = workspace.do("untar", how, archive="tree.catar", target="plain")
    cut = workspace.do(
        "untar", how, index="tree.caidx", stores=["store"], target="cut", atomic=bool(seed % 2)
    )
    again = workspace.do("untar", how, archive="tree.catar", target="cut", delete=True)

    assert [plain.summary, cut.summary] == [(0, "done")] * 2
    assert again.summary == (0, "unchanged")
    wanted = everything(workspace / "theirs")
    assert everything(workspace / "plain") == wanted
    assert everything(workspace / "cut") == wanted
    assert casync(workspace.path, "digest", "plain") == casync(
        workspace.path, "digest", "tree.catar"
    )


@pytest.mark.parametrize("seed", range(TREES))
def test_what_is_archived_here_is_unpacked_by_casync_as_here(
    workspace: Workspace, seed: int
) -> None:
    need_root()
    grown(workspace / "tree", 1000 + seed)
    workspace.do("tar", directory="tree", archive="tree.catar")
    casync(workspace.path, "extract", "tree.catar", "theirs")
    ended = workspace.do("untar", archive="tree.catar", target="ours", atomic=bool(seed % 2))

    assert ended.summary == (0, "done")
    assert everything(workspace / "ours") == everything(workspace / "theirs")


@pytest.mark.parametrize("words", FEATURES)
def test_a_tree_comes_back_with_as_much_as_its_archive_kept(
    workspace: Workspace, words: str
) -> None:
    need_root()
    grow(workspace / "tree", 5)
    casync(workspace.path, *words.split(), "make", "tree.catar", "tree")
    ended = workspace.do("untar", archive="tree.catar", target="new")
    workspace.do("tar", directory="new", archive="new.catar", **fields(words.split()))

    assert ended.summary == (0, "done")
    assert (workspace / "new.catar").read_bytes() == (workspace / "tree.catar").read_bytes()


@pytest.mark.parametrize("words", ["--with=best", "--without=xattrs --without=user-names"])
def test_a_part_of_an_archive_is_unpacked_as_casync_unpacks_it(
    workspace: Workspace, words: str
) -> None:
    need_root()
    grown(workspace / "tree", 7)
    casync(workspace.path, "make", "tree.catar", "tree")
    casync(workspace.path, *words.split(), "extract", "tree.catar", "theirs")
    ended = workspace.do("untar", archive="tree.catar", target="ours", **fields(words.split()))

    assert ended.result.exit_code == 0, ended.message
    assert everything(workspace / "ours") == everything(workspace / "theirs")
