"""`list` prints what `casync list` prints."""

from pathlib import Path

import pytest

from tests.interop.casync import casync
from tests.workspace import How, Workspace

ARCHIVES = Path(__file__).parents[1] / "vectors" / "archives"


def test_the_reference_archive_is_listed_as_casync_lists_it(workspace: Workspace) -> None:
    ended = workspace.do("list", archive=str(ARCHIVES / "reference.catar"))

    assert ended.summary == (0, "done")
    assert ended.output == (ARCHIVES / "reference.list").read_bytes()


def test_an_archive_from_standard_input_is_listed(workspace: Workspace) -> None:
    data = (ARCHIVES / "reference.catar").read_bytes()
    ended = workspace.do("list", How(given=data), archive="-", output="names")

    assert (ended.summary, ended.output) == ((0, "done"), b"")
    assert (workspace / "names").read_bytes() == (ARCHIVES / "reference.list").read_bytes()
    assert workspace.do("list", How(given=data), archive="-", output="names").summary == (
        0,
        "unchanged",
    )


@pytest.mark.parametrize("options", [(), ("--with=unix",), ("--without=all",)])
def test_what_casync_archives_is_listed_and_described_as_casync_does(
    workspace: Workspace, options: tuple[str, ...]
) -> None:
    tree = workspace / "tree"
    (tree / "a folder").mkdir(parents=True)
    for name in ("plain", "tab\there", "line\nend", "back\\slash", "hash#", "ümläut", "~tilde"):
        (tree / "a folder" / name).write_text(name)
    (tree / "link").symlink_to("a folder/plain")
    casync(workspace.path, "make", *options, "tree.catar", "tree")
    listed = workspace.do("list", archive="tree.catar")
    described = workspace.do("mtree", archive="tree.catar")

    assert listed.output.decode() == casync(workspace.path, "list", "tree.catar")
    assert described.output.decode() == casync(workspace.path, "mtree", "tree.catar")


@pytest.mark.parametrize("kind", ["list", "mtree"])
@pytest.mark.parametrize("damage", ["cut", "no archive", "empty"])
def test_what_is_no_whole_archive_is_refused_and_the_output_stays(
    workspace: Workspace, kind: str, damage: str
) -> None:
    data = (ARCHIVES / "reference.catar").read_bytes()
    damaged = {"cut": data[:-1], "no archive": b"GIF89a" * 20, "empty": b""}[damage]
    (workspace / "bad.catar").write_bytes(damaged)
    (workspace / "out").write_bytes(b"what is there")
    ended = workspace.do(kind, archive="bad.catar", output="out")

    assert ended.summary == (4, "failed")
    assert ended.message.startswith(str(workspace / "bad.catar"))
    assert (workspace / "out").read_bytes() == b"what is there"


@pytest.mark.parametrize("kind", ["list", "mtree"])
def test_an_archive_that_is_not_there_is_told(workspace: Workspace, kind: str) -> None:
    ended = workspace.do(kind, archive="none.catar")

    assert ended.result.exit_code == 1
    assert "none.catar" in ended.message
