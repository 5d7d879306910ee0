"""`archive-verify` names every difference between a directory and its archive, and nothing else."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.errors import EXIT_INVALID_DATA
from tests.archives import END, archive, directory, file
from tests.conftest import Run
from tests.interop.casync import casync
from tests.trees import acl, grow, need_root
from tests.vectors.inputs import ctr
from tests.workspace import Ended, How, Workspace, chunk_file, ids_of

_NOBODY = 0xFFFFFFFF
WHEN = 1_600_000_000_123_456_789


@pytest.fixture
def tree(workspace: Workspace) -> Workspace:
    """A small tree with `tree.catar`, and `tree.caidx` with its chunks in `store`."""
    top = workspace / "tree"
    (top / "folder" / "deep").mkdir(parents=True)
    (top / "folder" / "file").write_bytes(ctr(200_000))
    (top / "folder" / "deep" / "last").write_bytes(b"last")
    (top / "empty").touch()
    (top / "link").symlink_to("folder/file")
    os.mkfifo(top / "pipe")
    for path in (*top.rglob("*"), top):
        os.utime(path, ns=(WHEN, WHEN), follow_symlinks=False)
    casync(workspace.path, "make", "tree.catar", "tree")
    casync(workspace.path, "make", "--store=store", "tree.caidx", "tree")
    return workspace


def verify(tree: Workspace, **fields: Any) -> Ended:
    return tree.do("archive-verify", directory="tree", **{"archive": "tree.catar", **fields})


def differences(ended: Ended) -> dict[str, list[Any]]:
    """Return every difference by its path: attribute, expected, found."""
    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    return {
        row["path"]: [row["change"]]
        if "differences" not in row
        else [(one["attribute"], one["expected"], one["found"]) for one in row["differences"]]
        for row in json.loads(ended.output)
    }


@pytest.mark.parametrize("number", range(4))
def test_a_random_tree_is_what_its_archive_says_from_a_file_or_an_index(
    workspace: Workspace, number: int
) -> None:
    need_root()
    grow(workspace / "tree", number + 100)
    options = [[], ["--with=best"], ["--with=fuse"], ["--without=all"]][number]
    casync(workspace.path, "make", *options, "tree.catar", "tree")
    casync(workspace.path, "make", "--store=store", *options, "tree.caidx", "tree")
    index = {"archive": None, "index": "tree.caidx", "stores": ["store"]}
    whole, cut = verify(workspace), verify(workspace, **index)

    assert (whole.summary, whole.output) == ((0, "done"), b"")
    assert (cut.summary, cut.output) == ((0, "done"), b"")
    assert whole.statistics["same"] == cut.statistics["same"] > 0
    assert cut.statistics["old"]["stores"]["store"]["chunks"] > 0


def _rewrite(path: Path, data: bytes) -> None:
    before = path.stat().st_mtime_ns
    path.write_bytes(data)
    os.utime(path, ns=(before, before))


def _swap(top: Path) -> None:
    (top / "empty").unlink()
    (top / "empty").mkdir()


def _move(top: Path) -> None:
    (top / "folder" / "file").rename(top / "folder" / "moved")


CHANGES: dict[str, tuple[Callable[[Path], object], str, list[Any]]] = {
    "mode": (lambda top: (top / "empty").chmod(0o4711), "empty", [("mode", "0644", "4711")]),
    "time": (
        lambda top: os.utime(top / "link", ns=(-5, -5), follow_symlinks=False),
        "link",
        [("mtime", "1600000000.123456789", "-0.000000005")],
    ),
    "size": (
        lambda top: _rewrite(top / "folder" / "deep" / "last", b"more!"),
        "folder/deep/last",
        [("size", 4, 5)],
    ),
    "xattr": (
        lambda top: os.setxattr(top / "empty", "user.colour", b"red\0"),
        "empty",
        [("xattr user.colour", None, "red\\000")],
    ),
    "kind": (_swap, "empty", [("type", "file", "dir")]),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_an_attribute_that_differs_is_named_with_both_values(tree: Workspace, change: str) -> None:
    act, path, expected = CHANGES[change]
    act(tree / "tree")
    os.utime(tree / "tree", ns=(WHEN, WHEN))
    ended = verify(tree, format="json")

    assert differences(ended) == {path: expected}
    assert ended.message == f"{tree / 'tree'} is not what {tree / 'tree.catar'} says: 1 changed"


def test_a_content_that_differs_is_named_with_both_digests(tree: Workspace) -> None:
    _rewrite(tree / "tree" / "folder" / "deep" / "last", b"LAST")
    ((path, ((attribute, old, new),)),) = differences(verify(tree, format="json")).items()

    assert (path, attribute) == ("folder/deep/last", "content")
    assert len(old) == len(new) == 64
    assert old != new


def test_owners_and_access_lists_are_compared_and_may_be_ignored(tree: Workspace) -> None:
    need_root()
    path = tree / "tree" / "empty"
    os.chown(path, 1, 41_000)
    allowed = acl(
        (1, 6, _NOBODY), (2, 7, 4242), (4, 4, _NOBODY), (16, 7, _NOBODY), (32, 4, _NOBODY)
    )
    os.setxattr(path, "system.posix_acl_access", allowed)
    found = differences(verify(tree, format="json"))
    owner_only = differences(verify(tree, format="json", ignore=["permissions"]))
    nothing = verify(tree, ignore=["permissions", "owner"])

    assert ("uid", 0, 1) in found["empty"]
    assert ("gid", 0, 41_000) in found["empty"]
    assert ("mode", "0644", "0674") in found["empty"]
    assert ("acl", None, "user:4242:rwx,group::r--") in found["empty"]
    assert {name for name, _, _ in owner_only["empty"]} <= {"uid", "gid", "user", "group"}
    assert nothing.summary == (0, "done")


def test_what_is_missing_and_what_is_extra_is_told_in_words(tree: Workspace) -> None:
    _move(tree / "tree")
    ended = verify(tree, ignore=["times"])
    without_extra = verify(tree, ignore=["times"], ignore_extra=True, output="told")

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert ended.output.decode().splitlines() == [
        "folder/file (file, 200,000 bytes) is missing",
        "folder/moved (file, 200,000 bytes) is not in the archive",
    ]
    assert ended.message.endswith(" says: 1 missing, 1 not in the archive")
    assert (tree / "told").read_text() == "folder/file (file, 200,000 bytes) is missing\n"
    assert without_extra.message.endswith(" says: 1 missing")


def test_what_the_archive_does_not_keep_is_not_compared(tree: Workspace) -> None:
    casync(tree.path, "make", "--with=symlinks", "few.catar", "tree")
    (tree / "tree" / "empty").chmod(0o600)
    os.utime(tree / "tree" / "empty", ns=(1, 1))
    os.mkfifo(tree / "tree" / "another pipe")

    assert verify(tree, archive="few.catar").summary == (0, "done")


@pytest.mark.parametrize("digest", ["sha256", "sha512-256"])
def test_an_archive_of_desync_s_is_held_against_what_desync_keeps(
    tree: Workspace, digest: str
) -> None:
    os.setxattr(tree / "tree" / "empty", "user.colour", b"red")
    made = {"dialect": "desync", "digest": digest}
    assert tree.do("tar", directory="tree", archive="theirs.catar", **made).result.exit_code == 0
    same = verify(tree, archive="theirs.catar")
    os.setxattr(tree / "tree" / "empty", "user.colour", b"blue")

    assert same.summary == (0, "done")
    assert differences(verify(tree, archive="theirs.catar", format="json")) == {
        "empty": [("xattr user.colour", "red", "blue")]
    }


def test_an_archive_whose_names_are_not_in_order_is_refused(workspace: Workspace) -> None:
    data = archive([directory(), *file(b"b", b"1"), *file(b"a", b"2"), END])
    (workspace / "tree").mkdir()
    ended = workspace.do("archive-verify", How(given=data), archive="-", directory="tree")

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert "a comes after b" in ended.message


def test_a_damaged_archive_and_a_missing_chunk_are_no_difference(tree: Workspace) -> None:
    (tree / "cut.catar").write_bytes((tree / "tree.catar").read_bytes()[:-1])
    chunk_file(tree / "store", ids_of(tree.index("tree.caidx"))[1]).unlink()
    damaged = verify(tree, archive="cut.catar", output="told")
    missing = verify(tree, archive=None, index="tree.caidx", stores=["store"], output="told")

    assert "before it is complete" in damaged.message
    assert missing.result.exit_code == 5
    assert not (tree / "told").exists()


def test_the_command_ends_with_4_where_something_differs(tree: Workspace, desync_run: Run) -> None:
    same = desync_run("archive-verify", "-q", "-s", "store", "tree.caidx", "tree")
    (tree / "tree" / "empty").chmod(0o600)
    ended = desync_run("archive-verify", "tree.catar", "tree")
    ignored = desync_run("archive-verify", "--ignore", "permissions", "tree.catar", "tree")

    assert (same.returncode, same.stdout) == (0, b"")
    assert ended.returncode == EXIT_INVALID_DATA
    assert ended.stdout == b"empty: mode is 0600, should be 0644\n"
    assert ignored.returncode == 0
