"""Plans of operations that read directory trees: saved, and carried out on the same trees only."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.conftest import Run

ARCHIVE = 'archive = "made.catar"\n'
READERS = {
    "tar": 'directory = "tree"\n' + ARCHIVE,
    "list": 'directory = "tree"\noutput = "text"\n',
    "mtree": 'directory = "tree"\noutput = "text"\n',
    "digest": 'directory = "tree"\noutput = "text"\n',
    "diff": 'old.directory = "tree"\nnew.directory = "same"\noutput = "text"\n',
    "archive-verify": 'directory = "tree"\narchive = "old.catar"\noutput = "text"\n',
}


def write_job(folder: Path, kind: str, fields: str) -> None:
    text = f'version = 1\n[operations.read]\nkind = "{kind}"\n{fields}'
    (folder / "job.toml").write_text(text)


@pytest.fixture
def tree(tmp_path: Path, desync_run: Run) -> Path:
    """A directory `tree` with `etc/fstab` and `usr/bin/x` in it, its archive, and a copy."""
    for top in ("tree", "same"):
        for name in ("etc/fstab", "usr/bin/x"):
            path = tmp_path / top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"content")
    assert desync_run("tar", "old.catar", "tree").returncode == 0
    write_job(tmp_path, "tar", READERS["tar"])
    return tmp_path / "tree"


def refusal(ended: CompletedProcess[bytes]) -> list[str]:
    """Return what has changed, of the one operation and tree that there are."""
    lines = ended.stderr.decode().splitlines()
    assert ended.returncode == 6, lines
    assert lines.pop().endswith("saved.plan: nothing was done; make a new plan with 'plan -o'")
    return [line.removeprefix("desync-run: saved.plan: operation read: ") for line in lines]


@pytest.mark.parametrize("kind", READERS)
def test_a_plan_is_carried_out_on_a_tree_that_is_as_it_was(
    tree: Path, desync_run: Run, kind: str
) -> None:
    write_job(tree.parent, kind, READERS[kind])
    plans = []
    for _ in range(2):
        assert desync_run("plan", "job.toml", "-o", "saved.plan").returncode == 0
        plans.append((tree.parent / "saved.plan").read_bytes())
        assert desync_run("digest", "tree").returncode == 0
    ended = desync_run("apply", "saved.plan")

    assert plans[0] == plans[1]
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.decode().splitlines()[-1].startswith("1 operation: 1 done; ")


@pytest.mark.parametrize("kind", READERS)
def test_nothing_is_done_where_a_file_deep_in_the_tree_has_changed(
    tree: Path, desync_run: Run, kind: str
) -> None:
    write_job(tree.parent, kind, READERS[kind])
    assert desync_run("plan", "job.toml", "-o", "saved.plan").returncode == 0
    (tree / "usr/bin/x").write_bytes(b"CONTENT")
    ended = desync_run("apply", "saved.plan")

    assert refusal(ended) == [f"tree {tree}: usr/bin/x has changed"]
    assert not (tree.parent / "text").exists()
    assert not (tree.parent / "made.catar").exists()


def _touch(tree: Path) -> None:
    os.utime(tree / "etc/fstab", ns=(1, 1))


def _mode(tree: Path) -> None:
    (tree / "etc/fstab").chmod(0o600)


def _add(tree: Path) -> None:
    (tree / "etc/new").mkdir()


def _remove(tree: Path) -> None:
    (tree / "usr/bin/x").unlink()
    (tree / "usr/bin").rmdir()


def _more(tree: Path) -> None:
    _touch(tree)
    _remove(tree)
    tree.chmod(0o700)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_touch, ["etc/fstab has changed"]),
        (_mode, ["etc/fstab has changed"]),
        (_add, ["etc/new is new"]),
        (_remove, ["usr/bin is gone"]),
        (_more, ["etc/fstab has changed", "usr/bin is gone"]),
    ],
)
def test_every_change_in_a_tree_is_told_by_its_path(
    tree: Path, desync_run: Run, change: Callable[[Path], None], told: list[str]
) -> None:
    desync_run("plan", "job.toml", "-o", "saved.plan")
    change(tree)
    ended = desync_run("apply", "saved.plan", "--json")

    assert ended.returncode == 6
    assert json.loads(ended.stdout)["differences"] == [
        f"operation read: tree {tree}: {one}" for one in told
    ]


def test_what_is_left_out_of_the_archive_may_change(tree: Path, desync_run: Run) -> None:
    (tree / ".caexclude").write_text("bin\n")
    desync_run("plan", "job.toml", "-o", "saved.plan")
    (tree / "usr/bin/x").write_bytes(b"CONTENT")

    assert desync_run("apply", "saved.plan").returncode == 0


def test_a_change_in_a_large_tree_is_told_as_far_as_the_plan_knows_it(
    tree: Path, desync_run: Run
) -> None:
    for folder in ("many", "more"):
        (tree / folder).mkdir()
        for number in range(700):
            (tree / folder / str(number)).touch()
    desync_run("plan", "job.toml", "-o", "saved.plan")
    for name in ("etc/fstab", "many/7", "more/7"):
        (tree / name).write_bytes(b"more")
    ended = desync_run("apply", "saved.plan")

    assert (tree.parent / "saved.plan").stat().st_size < 150_000
    told = refusal(ended)
    assert told[0] == f"tree {tree}: etc/fstab has changed"
    assert sorted(told[1:]) == [
        f"tree {tree}: more/7 has changed",
        f"tree {tree}: something in many has changed",
    ]


def test_a_plan_that_was_saved_without_a_look_at_trees_is_refused(
    tree: Path, desync_run: Run
) -> None:
    desync_run("plan", "job.toml", "-o", "saved.plan")
    saved = tree.parent / "saved.plan"
    document = json.loads(saved.read_text())
    del document["steps"][0]["trees"]
    saved.write_text(json.dumps(document))

    told = refusal(desync_run("apply", "saved.plan"))
    assert told == [f"tree {tree} was not looked at when the plan was made"]


def test_two_saved_plans_are_compared_by_their_trees_too(tree: Path, desync_run: Run) -> None:
    desync_run("plan", "job.toml", "-o", "old.plan")
    (tree / "etc/fstab").write_bytes(b"more")
    desync_run("plan", "job.toml", "-o", "new.plan")
    ended = desync_run("diff", "old.plan", "new.plan")

    assert ended.stdout.decode().splitlines() == [
        f"operation read: tree {tree}: etc/fstab has changed"
    ]


def test_a_tree_that_cannot_be_looked_at_is_told_by_the_plan(tree: Path, desync_run: Run) -> None:
    (tree / "etc/.caexclude").symlink_to("missing")
    ended = desync_run("plan", "job.toml", "-o", "saved.plan")

    assert ended.returncode == 1
    assert f"{tree}/etc: its .caexclude cannot be read" in ended.stderr.decode()
    assert not (tree.parent / "saved.plan").exists()


def test_how_things_stand_is_told_without_a_look_into_trees(tree: Path, desync_run: Run) -> None:
    (tree / "etc/.caexclude").symlink_to("missing")
    ended = desync_run("status", "job.toml")

    assert (ended.returncode, ended.stderr) == (2, b"")


SIZE, ENTRIES = 14, 6
"""Of what is in the tree, itself counted."""


@pytest.mark.parametrize("kind", READERS)
def test_a_plan_says_how_much_a_tree_has(tree: Path, desync_run: Run, kind: str) -> None:
    write_job(tree.parent, kind, READERS[kind])
    (step,) = json.loads(desync_run("plan", "job.toml", "--json").stdout)["steps"]
    words = desync_run("plan", "job.toml").stdout.decode()

    tops = [tree, tree.parent / "same"] if kind == "diff" else [tree]
    assert step["trees"] == [{"path": str(one), "entries": ENTRIES, "bytes": SIZE} for one in tops]
    reads = [one for one in step["reads"] if one["place"] == "directory"]
    # Another archive may leave out some of it.
    assert [(one["bytes"], one["exact"]) for one in reads] == [
        (SIZE, kind != "archive-verify") for _ in tops
    ]
    assert [line for line in words.splitlines() if line.startswith("    tree ")] == [
        f"    tree     6 entries in {one}" for one in tops
    ]


def test_a_plan_says_how_much_of_a_tree_is_archived(tree: Path, desync_run: Run) -> None:
    (tree / ".caexclude").write_text("bin\n")
    (step,) = json.loads(desync_run("plan", "job.toml", "--json").stdout)["steps"]

    assert step["trees"] == [{"path": str(tree), "entries": 5, "bytes": 7 + 4}]


def totals(folder: Path, *arguments: str, desync_run: Run) -> list[int]:
    """Return how many bytes of work the program told of."""
    assert desync_run(*arguments, "--events", "told").returncode == 0
    events = map(json.loads, (folder / "told").read_text().splitlines())
    return [one["total_bytes"] for one in events if one["event"] == "total-changed"]


def test_the_progress_of_an_applied_plan_has_an_end(tree: Path, desync_run: Run) -> None:
    (tree / "large").write_bytes(bytes(1 << 20))
    desync_run("plan", "job.toml", "-o", "saved.plan")

    (work,) = totals(tree.parent, "apply", "saved.plan", desync_run=desync_run)
    assert work == pytest.approx((tree.parent / "made.catar").stat().st_size, rel=0.01)
    assert totals(tree.parent, "run", "job.toml", desync_run=desync_run) == []
