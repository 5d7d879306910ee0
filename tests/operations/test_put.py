"""`put` makes of an archive what `casync make` makes of the tree, and of nothing else anything."""

from pathlib import Path

import pytest

from desync_jobs.errors import EXIT_INVALID_DATA
from tests.conftest import Run
from tests.interop.casync import casync
from tests.vectors.inputs import ctr
from tests.workspace import SMALL, How, Workspace, chunk_files

ARCHIVES = Path(__file__).parents[1] / "vectors" / "archives"


@pytest.fixture
def tree(workspace: Workspace) -> Workspace:
    (workspace / "tree" / "folder").mkdir(parents=True)
    (workspace / "tree" / "folder" / "large").write_bytes(ctr(400_000))
    (workspace / "tree" / "link").symlink_to("folder")
    return workspace


@pytest.mark.parametrize("options", [(), ("--digest=sha256",), ("--with=unix",)])
@pytest.mark.parametrize("piped", [False, True])
def test_index_and_chunks_are_those_that_casync_makes_of_the_tree(
    tree: Workspace, options: tuple[str, ...], piped: bool
) -> None:
    casync(tree.path, "make", *options, "tree.catar", "tree")
    casync(tree.path, "make", "--store=theirs", *options, "theirs.caidx", "tree")
    data = (tree / "tree.catar").read_bytes()
    how = How(given=data if piped else None)
    ended = tree.do(
        "put", how, archive="-" if piped else "tree.catar", index="ours.caidx", store="ours"
    )

    assert ended.summary == (0, "done")
    assert (tree / "ours.caidx").read_bytes() == (tree / "theirs.caidx").read_bytes()
    assert set(chunk_files(tree / "ours")) == set(chunk_files(tree / "theirs"))
    assert ended.statistics["bytes"] == len(data)
    assert ended.statistics["nodes"] == 4


def test_what_is_there_already_is_left_alone(tree: Workspace) -> None:
    fields = {"archive": str(ARCHIVES / "reference.catar"), "index": "a.caidx", "store": "store"}
    first = tree.do("put", **fields)
    again = tree.do("put", **fields)

    assert first.summary == (0, "done")
    assert again.summary == (0, "unchanged")
    assert again.statistics["chunks_stored"] == 0


@pytest.mark.parametrize("damage", ["cut", "no archive", "empty", "goes on", "byte"])
def test_what_is_no_archive_gets_no_index(workspace: Workspace, damage: str) -> None:
    data = (ARCHIVES / "reference.catar").read_bytes()
    (workspace / "bad.catar").write_bytes(
        {
            "cut": data[:-1],
            "no archive": ctr(100_000),
            "empty": b"",
            "goes on": data + b"x",
            "byte": data[:-1] + b"x",
        }[damage]
    )
    (workspace / "a.caidx").write_bytes(b"what is there")
    ended = workspace.do("put", archive="bad.catar", index="a.caidx", store="store")

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert ended.message.startswith(str(workspace / "bad.catar"))
    assert (workspace / "a.caidx").read_bytes() == b"what is there"


def test_an_archive_that_is_not_there_is_told(workspace: Workspace) -> None:
    ended = workspace.do("put", archive="none.catar", index="a.caidx")

    assert ended.message == f"{workspace / 'none.catar'}: archive does not exist"


def test_chunk_sizes_and_desync_s_older_cuts_may_be_chosen(tree: Workspace) -> None:
    sizes = {"chunk_size": SMALL, "cut": "desync-1.0"}
    assert tree.do("tar", directory="tree", index="tar.caidx", **sizes).result.exit_code == 0
    assert tree.do("tar", directory="tree", archive="tree.catar").result.exit_code == 0
    assert tree.do("put", archive="tree.catar", index="put.caidx", **sizes).result.exit_code == 0

    assert (tree / "put.caidx").read_bytes() == (tree / "tar.caidx").read_bytes()


def test_commands_put_get_and_make_of_an_archive(tree: Workspace, desync_run: Run) -> None:
    casync(tree.path, "make", "--store=theirs", "theirs.caidx", "tree")
    casync(tree.path, "make", "tree.catar", "tree")
    put = desync_run("put", "-q", "put.caidx", "tree.catar", "-s", "ours")
    made = desync_run("make", "-q", "made.caidx", "tree.catar")
    got = desync_run("get", "put.caidx", "-s", "ours")
    refused = desync_run("make", "--digest", "sha256", "made.caidx", "tree.catar")
    expected = (tree / "theirs.caidx").read_bytes()

    assert [put.returncode, made.returncode, got.returncode] == [0, 0, 0]
    assert (tree / "put.caidx").read_bytes() == (tree / "made.caidx").read_bytes() == expected
    assert got.stdout == (tree / "tree.catar").read_bytes()
    assert refused.returncode == 64
