"""Archives and their indexes are casync's, byte for byte.

CATAR_TREES sets how many trees are compared with what the real casync makes of them.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from desync_jobs.testing.programs import require_program
from tests.filesystems.mounting import mounted
from tests.interop.casync import casync
from tests.trees import grow, mounted_at, need_root
from tests.workspace import Workspace

TREES = int(os.environ.get("CATAR_TREES", "12"))
VECTORS = Path(__file__).parents[1] / "vectors"
EXPECTED = json.loads((VECTORS / "archives" / "reference.json").read_text())
OPTIONS = {
    "(none)": {},
    "--with=unix": {"with_features": ["unix"]},
    "--without=all": {"without_features": ["all"]},
}
FEATURES = (
    "--with=best",
    "--without=privileged",
    "--with=user-names --with=32bit-uids --with=sec-time",
    "--with=fat --with=chattr",
    "--with=2sec-time --with=read-only --with=symlinks",
    "--without=acl --without=permissions",
    "--digest=sha256",
    "--exclude-submounts=yes --exclude-nodump=no --exclude-file=no",
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The tree that the vectors were made of, called `tree`."""
    need_root()
    workspace = Workspace(tmp_path_factory.mktemp("reference"))
    program = VECTORS / "build_tree.py"
    subprocess.run([sys.executable, program, workspace / "tree"], check=True)
    return workspace


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("options", OPTIONS)
def test_the_reference_tree_gives_the_archive_that_casync_made(
    reference: Workspace, options: str
) -> None:
    ended = reference.do("tar", directory="tree", archive="tree.catar", **OPTIONS[options])
    (expected,) = (row for row in EXPECTED["archives"] if row["casync_options"] == options)

    assert ended.summary == (0, "done")
    assert ended.statistics["bytes"] == expected["size"]
    assert sha256(reference / "tree.catar") == expected["sha256"]


def test_the_reference_tree_gives_the_index_that_casync_made(reference: Workspace) -> None:
    ended = reference.do("tar", directory="tree", index="tree.caidx", store="store")

    assert ended.summary == (0, "done")
    assert sha256(reference / "tree.caidx") == EXPECTED["caidx"]["sha256"]


@pytest.mark.parametrize("seed", range(TREES))
def test_any_tree_gives_the_bytes_that_casync_gives(workspace: Workspace, seed: int) -> None:
    need_root()
    grow(workspace / "tree", seed)
    words = FEATURES[seed % len(FEATURES)].split()
    casync(workspace.path, *words, "make", "theirs.catar", "tree")
    casync(workspace.path, *words, "make", "--store=theirs", "theirs.caidx", "tree")
    asked = fields(words)
    plain = workspace.do("tar", directory="tree", archive="ours.catar", **asked)
    cut = workspace.do("tar", directory="tree", index="ours.caidx", store="ours", **asked)

    assert [plain.summary, cut.summary] == [(0, "done")] * 2
    assert (workspace / "ours.catar").read_bytes() == (workspace / "theirs.catar").read_bytes()
    assert (workspace / "ours.caidx").read_bytes() == (workspace / "theirs.caidx").read_bytes()
    assert names(workspace / "ours") == names(workspace / "theirs")


def fields(words: list[str]) -> dict[str, object]:
    """Return the keys of an operation that say what these options of casync say."""
    keys = {"exclude-submounts": "one_file_system"}
    found: dict[str, object] = {}
    for word in words:
        option, _, value = word.removeprefix("--").partition("=")
        if option in ("with", "without"):
            listed = found.setdefault(f"{option}_features", [])
            assert isinstance(listed, list)
            listed.append(value)
        elif option == "digest":
            found["digest"] = value
        else:
            found[keys.get(option, option.replace("-", "_"))] = value == "yes"
    return found


def names(store: Path) -> list[str]:
    return sorted(path.name for path in store.rglob("*") if path.is_file())


def test_what_casync_leaves_out_by_its_files_is_left_out_here(workspace: Workspace) -> None:
    tree = workspace / "tree"
    for name in (
        "d/e/q",
        "d/x.o",
        "d/keep.o",
        "é.o",
        "ab.o",
        ".h.o",
        "[a]",
        "a*b",
        "axb",
        "only/f",
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    (tree / "only.txt").touch()
    patterns = ["# a comment", "", "?.o", r"\[a\]", r"a\*b", "d/e/", " /only* ", "d/*.o", "only*/"]
    (tree / ".caexclude").write_text("\n".join(patterns))
    (tree / "d" / ".caexclude").write_text("!keep.o\nq")
    casync(workspace.path, "make", "theirs.catar", "tree")
    ended = workspace.do("tar", directory="tree", archive="ours.catar")

    assert ended.statistics["entries"] == 9
    assert (workspace / "ours.catar").read_bytes() == (workspace / "theirs.catar").read_bytes()


@pytest.mark.parametrize("within", [False, True])
def test_w6_what_is_mounted_in_a_tree_is_left_out_alone(workspace: Workspace, within: bool) -> None:
    tree = workspace / "tree"
    for name in ("a", "mount", "proc", "z"):
        (tree / name).mkdir(parents=True)
    (tree / "z" / "after").write_text("the entries after a mount point are not lost")
    with mounted_at("tmpfs", tree / "mount"), mounted_at("proc", tree / "proc"):
        (tree / "mount" / "inside").write_text("x")
        casync(
            workspace.path,
            f"--exclude-submounts={'yes' if within else 'no'}",
            "make",
            "theirs.catar",
            "tree",
        )
        ended = workspace.do("tar", directory="tree", archive="ours.catar", one_file_system=within)

    assert ended.statistics["entries"] == (4 if within else 7)
    assert (workspace / "ours.catar").read_bytes() == (workspace / "theirs.catar").read_bytes()


def test_what_only_some_file_systems_have_is_kept_as_casync_keeps_it(workspace: Workspace) -> None:
    program, top = require_program("btrfs"), workspace / "top"
    top.mkdir()
    (top / ".caexclude").write_text("*.img")
    with mounted("btrfs", top / "btrfs", 128) as btrfs, mounted("xfs", top / "xfs", 8) as xfs:
        for arguments in (["create", "sub"], ["snapshot", "-r", "sub", "read-only"]):
            subprocess.run([program, "subvolume", *arguments], cwd=btrfs, check=True)
        grow(btrfs / "sub" / "tree", 1)
        grow(xfs / "tree", 2)
        (xfs / "limited").touch()
        subprocess.run(["chattr", "-p", "77", xfs / "limited"], check=True)
        subprocess.run(["chattr", "+AS", btrfs / "sub"], check=True)
        casync(workspace.path, "make", "theirs.catar", "top")
        ended = workspace.do("tar", directory="top", archive="ours.catar")

    assert ended.summary == (0, "done")
    assert (workspace / "ours.catar").read_bytes() == (workspace / "theirs.catar").read_bytes()
