"""`diff` tells what changed between two trees, whatever form each is in."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.errors import ManifestError
from tests.conftest import Run
from tests.interop.casync import casync
from tests.trees import grow, need_root
from tests.vectors.inputs import ctr
from tests.workspace import Ended, How, Workspace

WHEN = 1_600_000_000_123_456_789
WORDS = """\
* folder: mtime 1600000000.123456789 -> 1600000001.123456789
* folder/file: content
- folder/old (file, 4 bytes)
+ folder/sub (dir)
+ folder/sub/new (file, 1 byte)
* link: target folder/file -> folder/old
* script: mode 0644 -> 0755
"""


def _write(top: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)


def _stamp(top: Path, when: int = WHEN) -> None:
    for path in (*top.rglob("*"), top):
        os.utime(path, ns=(when, when), follow_symlinks=False)


@pytest.fixture
def trees(workspace: Workspace) -> Workspace:
    """The trees `old` and `new`, each with its archive and its index."""
    old, new = workspace / "old", workspace / "new"
    _write(old, {"folder/file": ctr(100_000), "folder/old": b"gone", "script": b"#!", "same": b""})
    (old / "link").symlink_to("folder/file")
    shutil.copytree(old, new, symlinks=True)
    _write(new, {"folder/file": ctr(100_000, b"x"), "folder/sub/new": b"1"})
    (new / "folder" / "old").unlink()
    (new / "link").unlink()
    (new / "link").symlink_to("folder/old")
    (new / "script").chmod(0o755)
    for top in (old, new):
        _stamp(top)
        os.utime(old / "folder", ns=(WHEN, WHEN))
    os.utime(new / "folder", ns=(WHEN, WHEN + 10**9))
    for name in ("old", "new"):
        casync(workspace.path, "make", f"{name}.catar", name)
        casync(workspace.path, "make", "--store=store", f"{name}.caidx", name)
    return workspace


def place(name: str, form: str) -> dict[str, str]:
    suffix = {"archive": ".catar", "index": ".caidx", "directory": ""}[form]
    return {form: f"{name}{suffix}"}


def diff(trees: Workspace, old: str = "archive", new: str = "archive", **fields: Any) -> Ended:
    """Compare both with one thread, in which neither may wait for the other."""
    stores = {"stores": ["store"]} if "index" in (old, new) else {}
    both = {"old": place("old", old), "new": place("new", new)}
    return trees.do("diff", How(workers=1), **both, **stores, **fields)


@pytest.mark.parametrize("new", ["archive", "index", "directory"])
@pytest.mark.parametrize("old", ["archive", "index", "directory"])
def test_every_change_is_told_whatever_the_trees_are(trees: Workspace, old: str, new: str) -> None:
    ended = diff(trees, old, new)

    assert ended.summary == (0, "done")
    assert ended.output.decode() == WORDS
    assert {key: ended.statistics[key] for key in ("same", "added", "removed", "changed")} == {
        "same": 2,
        "added": 2,
        "removed": 1,
        "changed": 4,
    }


def test_changes_are_told_as_json(trees: Workspace) -> None:
    rows = json.loads(diff(trees, format="json", ignore=["times"]).output)

    assert [(row["path"], row["change"]) for row in rows] == [
        ("folder/file", "changed"),
        ("folder/old", "removed"),
        ("folder/sub", "added"),
        ("folder/sub/new", "added"),
        ("link", "changed"),
        ("script", "changed"),
    ]
    assert rows[1] == {"path": "folder/old", "change": "removed", "type": "file", "size": 4}
    assert rows[5]["differences"] == [{"attribute": "mode", "old": "0644", "new": "0755"}]


@pytest.mark.parametrize("form", ["words", "json"])
def test_equal_trees_have_no_difference(trees: Workspace, form: str) -> None:
    same = {"old": {"archive": "old.catar"}, "new": {"directory": "old"}}
    ended = trees.do("diff", **same, format=form)

    assert ended.summary == (0, "done")
    assert ended.output == {"words": b"", "json": b"[]\n"}[form]


def test_one_tree_may_come_from_standard_input(trees: Workspace) -> None:
    given = (trees / "old.catar").read_bytes()
    both = {"old": {"archive": "-"}, "new": {"directory": "new"}}

    assert trees.do("diff", How(given=given), **both).output.decode() == WORDS


@pytest.mark.parametrize("number", range(3))
def test_a_random_tree_differs_from_another_exactly_where_casyncs_mtrees_do(
    workspace: Workspace, number: int
) -> None:
    need_root()
    for name, seed in (("old", number), ("new", number + 50)):
        grow(workspace / name, seed)
        casync(workspace.path, "make", f"{name}.catar", name)
    lines = {
        name: dict(
            line.split(" ", 1)
            for line in casync(workspace.path, "mtree", f"{name}.catar").splitlines()
        )
        for name in ("old", "new")
    }
    told = {row["path"]: row["change"] for row in json.loads(diff(workspace, format="json").output)}
    old, new = lines["old"], lines["new"]
    expected = dict.fromkeys(old.keys() - new.keys(), "removed")
    expected |= dict.fromkeys(new.keys() - old.keys(), "added")
    expected |= {path: "changed" for path in old.keys() & new.keys() if old[path] != new[path]}

    # An mtree tells of no attributes beyond those of `stat`.
    assert expected.items() <= told.items()
    assert {told[path] for path in told.keys() - expected.keys()} <= {"changed"}


def test_times_are_compared_to_the_coarser_unit_and_nothing_that_one_does_not_keep(
    trees: Workspace,
) -> None:
    casync(trees.path, "make", "--with=sec-time", "--with=permissions", "few.catar", "old")
    (trees / "old" / "link").unlink()
    os.utime(trees / "old", ns=(WHEN, WHEN + 1000))
    ended = trees.do("diff", old={"archive": "few.catar"}, new={"archive": "old.catar"})

    assert ended.output == b""


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"old": {}, "new": {"archive": "a"}}, "old: give either archive, or index, or directory"),
        ({"old": {"archive": "-"}, "new": {"archive": "-"}}, "new: standard input can be one"),
        ({"old": {"index": "i"}, "new": {"archive": "a"}}, "stores: missing"),
        (
            {"old": {"directory": "d"}, "new": {"archive": "a"}, "with_features": ["unix"]},
            "with_features: is for two directories",
        ),
        (
            {"old": {"directory": "d"}, "new": {"archive": "a"}, "ignore": ["time"]},
            "ignore.0: 'time' is none of",
        ),
    ],
)
def test_what_cannot_be_compared_is_told(
    workspace: Workspace, fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        workspace.do("diff", **fields)

    assert problem in str(caught.value)


def test_a_preview_tells_what_both_fetch(trees: Workspace) -> None:
    both = {"old": {"index": "old.caidx"}, "new": {"index": "new.caidx"}, "stores": ["store"]}
    (step,) = trees.plan({"diff": {"kind": "diff", **both}}).steps
    done = trees.do("diff", **both)
    fetched = [done.statistics[side]["stores"]["store"]["stored_bytes"] for side in ("old", "new")]

    assert step.cost.download is not None
    assert step.cost.download.upper == sum(fetched)


@pytest.mark.usefixtures("trees")
def test_the_command_compares_trees_and_indexes(desync_run: Run) -> None:
    trees_told = desync_run("diff", "-q", "old.catar", "new")
    cut = desync_run("diff", "-q", "-s", "store", "old.caidx", "new.caidx")
    chunks = desync_run("diff", "-q", "old.caidx", "new.caidx")

    assert trees_told.stdout.decode() == cut.stdout.decode() == WORDS
    assert b"download:" in chunks.stdout
    assert [one.returncode for one in (trees_told, cut, chunks)] == [0, 0, 0]
