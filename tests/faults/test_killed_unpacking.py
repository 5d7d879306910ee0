"""A tree that is replaced as a whole is the old one or the new one, whenever a run is killed."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.faults.crashing import KILLED, Crashing, counting_library
from tests.vectors.kernels import require_kernel
from tests.workspace import Workspace

KILLS = int(os.environ.get("UNTAR_KILLS", "4"))
"""Moments at which a run is killed, spread over all there are."""


def tree(top: Path) -> dict[str, bytes]:
    return {
        os.fspath(path.relative_to(top)): path.read_bytes() if path.is_file() else b""
        for path in top.rglob("*")
    }


@pytest.mark.parametrize("there", [False, True])
def test_a_killed_run_leaves_the_old_tree_or_the_new_one(
    workspace: Workspace, environment: Mapping[str, str], there: bool
) -> None:
    for name, number in (("old", 9), ("next", 12)):
        for part in range(number):
            path = workspace / name / f"d{part % 3}" / f"{part}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name * part)
        workspace.do("tar", directory=name, archive=f"{name}.catar")
    old, new = tree(workspace / "old"), tree(workspace / "next")
    crashing = Crashing(workspace.path, environment)
    arguments = ("untar", "-q", "--atomic", "next.catar", "new")

    def begin() -> None:
        workspace.do("untar", archive="old.catar", target="new", atomic=True)

    if there:
        begin()
    moments = crashing(*arguments).moments
    assert moments > 10
    seen = set()
    for number in range(1, moments + 1, max(1, moments // KILLS)):
        if there:
            begin()
        elif (workspace / "new").exists():
            os.rename(workspace / "new", workspace / f"new.{number}")
        killed = crashing(*arguments, kill_at=number)
        found = tree(workspace / "new") if (workspace / "new").exists() else None

        assert killed.code == KILLED
        assert found in ((old, new) if there else (None, new))
        seen.add(found == new)
        assert workspace.do("untar", archive="next.catar", target="new", atomic=True).summary == (
            0,
            "done",
        )
        assert tree(workspace / "new") == new
        assert not [name for name in os.listdir(workspace.path) if name.startswith(".new")]
    assert seen >= ({False, True} if there else {False})


def test_a_killed_run_leaves_whole_files_and_the_next_one_removes_the_rest(
    workspace: Workspace, environment: Mapping[str, str]
) -> None:
    (workspace / "tree" / "d").mkdir(parents=True)
    for number in range(12):
        (workspace / "tree" / "d" / f"{number}").write_bytes(os.urandom(100_000))
    workspace.do("tar", directory="tree", archive="tree.catar")
    wanted = tree(workspace / "tree")
    crashing = Crashing(workspace.path, environment)
    arguments = ("untar", "-q", "tree.catar", "new")
    moments = crashing(*arguments).moments
    left = 0
    for number in range(2, moments, max(1, moments // 4)):
        os.rename(workspace / "new", workspace / f"new.{number}")
        assert crashing(*arguments, kill_at=number).code == KILLED
        hidden = list((workspace / "new").rglob(".desync-run.*.tmp"))
        found = tree(workspace / "new")
        left += len(hidden)

        assert {wanted[name] == data for name, data in found.items() if ".tmp" not in name} == {
            True
        }
        assert workspace.do("untar", archive="tree.catar", target="new").summary == (0, "done")
        assert tree(workspace / "new") == wanted
    assert left


def test_what_is_killed_in_compiled_code_leaves_whole_files_and_the_next_run_removes_the_rest(
    workspace: Workspace, environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    require_kernel("native")
    library = counting_library(tmp_path_factory.mktemp("library"))
    (workspace / "tree" / "d" / "e").mkdir(parents=True)
    for number in range(6):
        (workspace / "tree" / "d" / f"{number}").write_bytes(os.urandom(5000))
        (workspace / "tree" / "d" / "e" / f"l{number}").symlink_to(f"{number}")
    workspace.do("tar", directory="tree", archive="tree.catar")
    wanted = tree(workspace / "tree")
    command = [sys.executable, "-m", "desync_jobs", "untar", "-q", "tree.catar", "new"]
    left = []
    for number in range(1, 1000, 11):
        preloaded = {"LD_PRELOAD": os.fspath(library), "KILL_AT": str(number)}
        ended = subprocess.run(
            command, cwd=workspace.path, env={**environment, **preloaded}, check=False
        )
        if ended.returncode == 0:
            break
        assert ended.returncode == KILLED
        found = tree(workspace / "new") if (workspace / "new").exists() else {}
        hidden = [name for name in found if ".desync-run." in name]
        left += hidden

        assert all(wanted[name] == found[name] for name in found.keys() - set(hidden))
        assert workspace.do("untar", archive="tree.catar", target="new").summary == (0, "done")
        assert tree(workspace / "new") == wanted
        os.rename(workspace / "new", workspace / f"new.{number}")
    assert number > 50
    assert any(name.endswith(".desync-run.0.tmp") for name in left)
