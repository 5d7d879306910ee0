"""`digest`, `list` and `mtree` of trees, archives and indexes are what the real casync prints.

CATAR_TREES sets how many trees are compared.
"""

import os
from collections.abc import Mapping
from typing import Any

import pytest

from tests.interop.casync import casync
from tests.trees import grow, need_root
from tests.workspace import Ended, Workspace

TREES = int(os.environ.get("CATAR_TREES", "6"))
STORE = {"stores": ["store"]}
OPTIONS: Mapping[str, dict[str, Any]] = {
    "": {},
    "--with=best": {"with_features": ["best"]},
    "--with=fuse": {"with_features": ["fuse"]},
    "--without=privileged": {"without_features": ["privileged"]},
    "--without=all": {"without_features": ["all"]},
    "--digest=sha256": {"digest": "sha256"},
}


def printed(ended: Ended) -> str:
    assert ended.summary == (0, "done"), ended.message
    return ended.output.decode()


@pytest.fixture
def tree(workspace: Workspace, request: pytest.FixtureRequest) -> Workspace:
    """A random tree called `tree`."""
    need_root()
    grow(workspace / "tree", request.param)
    return workspace


@pytest.mark.parametrize("tree", range(TREES), indirect=True)
def test_the_digest_of_a_random_tree_is_casyncs_in_every_form(
    tree: Workspace, request: pytest.FixtureRequest
) -> None:
    number = int(request.node.callspec.params["tree"])
    option = list(OPTIONS)[number % len(OPTIONS)]
    given = [option] if option else []
    expected = casync(tree.path, "digest", *given, "tree")
    casync(tree.path, "make", "--store=store", *given, "tree.caidx", "tree")
    casync(tree.path, "make", *given, "tree.catar", "tree")
    casync(tree.path, "make", "--store=store", "tree.caibx", "tree.catar")

    assert printed(tree.do("digest", directory="tree", **OPTIONS[option])) == expected
    assert printed(tree.do("digest", archive="tree.catar")) == expected
    assert printed(tree.do("digest", index="tree.caidx", **STORE)) == expected
    assert printed(tree.do("digest", index="tree.caibx", **STORE)) == casync(
        tree.path, "digest", "--store=store", "tree.caibx"
    )


@pytest.mark.parametrize("kind", ["list", "mtree"])
@pytest.mark.parametrize("tree", range(TREES, TREES + 2), indirect=True)
def test_a_random_tree_is_listed_and_described_as_casync_does_in_every_form(
    tree: Workspace, kind: str
) -> None:
    casync(tree.path, "make", "--store=store", "tree.caidx", "tree")
    expected = casync(tree.path, kind, "tree")

    assert printed(tree.do(kind, directory="tree")) == expected
    assert printed(tree.do(kind, index="tree.caidx", **STORE)) == expected


@pytest.mark.parametrize("digest", ["sha256", "sha512-256"])
def test_an_index_is_digested_as_casync_does_whatever_digest_its_chunks_have(
    workspace: Workspace, digest: str
) -> None:
    (workspace / "blob").write_bytes(bytes(range(256)) * 3000)
    casync(workspace.path, "make", "--store=store", f"--digest={digest}", "blob.caibx", "blob")
    ended = workspace.do("digest", index="blob.caibx", **STORE)

    assert printed(ended) == casync(workspace.path, "digest", "--store=store", "blob.caibx")


def test_modes_are_listed_as_casync_lists_them(workspace: Workspace) -> None:
    for mode in (0o1777, 0o1776, 0o4755, 0o4644, 0o2755, 0o2744, 0o7000, 0o7111):
        (workspace / "tree" / f"folder-{mode:o}").mkdir(parents=True)
        (workspace / "tree" / f"folder-{mode:o}").chmod(mode)
        (workspace / "tree" / f"file-{mode:o}").touch(mode)
        (workspace / "tree" / f"file-{mode:o}").chmod(mode)

    assert printed(workspace.do("list", directory="tree")) == casync(workspace.path, "list", "tree")
