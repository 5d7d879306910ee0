import os
from pathlib import Path

import pytest

from desync_jobs.errors import EXIT_FAILED, EXIT_USAGE
from desync_jobs.formats.catar.goodbye import ITEM_SIZE
from tests.conftest import Run
from tests.workspace import SMALL, How, Workspace, chunk_files


@pytest.fixture
def tree(workspace: Workspace) -> Path:
    """A directory called `tree` with some hundred kilobytes in it."""
    top = workspace / "tree"
    for name, size in (("a/b", 200_000), ("a/c", 0), ("d", 70_000)):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(os.urandom(size))
    return top


def test_an_archive_is_written_and_then_found_unchanged(workspace: Workspace, tree: Path) -> None:
    first = workspace.do("tar", directory="tree", archive="new.catar")
    size, entries = (workspace / "new.catar").stat().st_size, 5
    again = workspace.do("tar", directory="tree", archive="new.catar")
    (tree / "d").touch()
    other = workspace.do("tar", directory="tree", archive="new.catar")

    assert first.statistics == {"bytes": size, "entries": entries}
    assert [one.summary for one in (first, again, other)] == [
        (0, "done"),
        (0, "unchanged"),
        (0, "done"),
    ]


@pytest.mark.usefixtures("tree")
def test_an_archive_goes_to_standard_output(workspace: Workspace) -> None:
    ended = workspace.do("tar", directory="tree", archive="-")
    workspace.do("tar", directory="tree", archive="new.catar")

    assert ended.output == (workspace / "new.catar").read_bytes()


@pytest.mark.usefixtures("tree")
def test_chunks_and_their_index_are_those_of_the_archive(workspace: Workspace) -> None:
    asked = {"directory": "tree", "store": "store", "chunk_size": SMALL}
    ended = workspace.do("tar", index="new.caidx", **asked)
    again = workspace.do("tar", index="new.caidx", **asked)
    workspace.do("tar", directory="tree", archive="new.catar")
    workspace.do("extract", index="new.caidx", stores=["store"], target="copy")

    assert (workspace / "copy").read_bytes() == (workspace / "new.catar").read_bytes()
    assert ended.statistics["chunks"] == ended.statistics["chunks_stored"] > 10
    assert ended.statistics["chunks_stored"] == len(chunk_files(workspace / "store"))
    assert ended.statistics["bytes"] == (workspace / "new.catar").stat().st_size
    assert again.summary == (0, "unchanged")


@pytest.mark.usefixtures("tree")
def test_an_index_may_be_made_without_a_store_on_standard_output(workspace: Workspace) -> None:
    ended = workspace.do("tar", directory="tree", index="-", digest="sha256")
    workspace.do("tar", directory="tree", index="new.caidx", store="store", digest="sha256")

    assert ended.output == (workspace / "new.caidx").read_bytes()


@pytest.mark.parametrize("key", ["archive", "index"])
def test_a_tree_that_cannot_be_read_leaves_the_old_output(
    workspace: Workspace, tree: Path, key: str
) -> None:
    (workspace / "new").write_bytes(b"old")
    (tree / "d" / "x").parent.unlink()
    (tree / "d").mkdir()
    (tree / "d" / ".caexclude").symlink_to("missing")
    ended = workspace.do("tar", directory="tree", **{key: "new"})

    assert ended.summary == (EXIT_FAILED, "failed")
    assert ended.message == f"{tree}/d: its .caexclude cannot be read: No such file or directory"
    assert (workspace / "new").read_bytes() == b"old"
    assert sorted(os.listdir(workspace.path)) == ["new", "tree"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"directory": "no", "archive": "a"}, "{}/no: directory does not exist"),
        (
            {"directory": "tree/d", "archive": "a"},
            "{}/tree/d is not a directory; an archive is made of one, or of a tar_stream",
        ),
        (
            {"directory": "tree", "archive": "tree/a/x.catar"},
            "{0}/tree/a/x.catar is in {0}/tree, which is archived; name another place",
        ),
        (
            {"directory": "tree", "index": "x.caidx", "store": "tree/store"},
            "{0}/tree/store is in {0}/tree, which is archived; name another place",
        ),
        ({"directory": "tree/a", "archive": "tree"}, "{}/tree is a directory; name a file"),
    ],
)
@pytest.mark.usefixtures("tree")
def test_what_cannot_be_archived_or_written_is_refused(
    workspace: Workspace, fields: dict[str, str], message: str
) -> None:
    workspace.places["tree/store"] = {}
    named = {**fields, "store": "inside"} if "store" in fields else fields
    workspace.places["inside"] = {"url": "tree/store"}
    ended = workspace.do("tar", **named)

    assert ended.only.status.value == "failed"
    assert ended.message == message.format(workspace.path)


def test_what_has_no_place_in_an_archive_is_a_warning(workspace: Workspace, tree: Path) -> None:
    if os.geteuid():
        pytest.skip("sets security attributes; run it as root")
    os.setxattr(tree / "d", "security.note", b"x")
    ended = workspace.do("tar", directory="tree", archive="new.catar")

    assert ended.warnings == ["the attribute security.note of 'd' has no place in an archive"]


def test_what_is_written_into_a_tree_is_archived_with_it(workspace: Workspace, tree: Path) -> None:
    ended = workspace.run(
        {
            "tar": {"kind": "tar", "directory": "tree", "archive": "new.catar"},
            "list": {"kind": "chunk", "blob": "tree/d", "output": "tree/chunks"},
        }
    )

    assert ended.statuses == {"list": "done", "tar": "done"}
    assert (tree / "chunks").read_bytes() in (workspace / "new.catar").read_bytes()


def test_an_empty_directory_is_an_archive_of_one_entry(workspace: Workspace) -> None:
    (workspace / "tree").mkdir()
    ended = workspace.do("tar", directory="tree", archive="new.catar")

    assert ended.statistics == {"bytes": 64 + 16 + ITEM_SIZE, "entries": 1}


def test_a_link_to_a_directory_is_followed_at_the_top_alone(
    workspace: Workspace, tree: Path
) -> None:
    (workspace / "link").symlink_to("tree")
    (tree / "inner").symlink_to("a")
    through = workspace.do("tar", directory="link", archive="link.catar")
    workspace.do("tar", directory="tree", archive="tree.catar")

    assert through.statistics["entries"] == 6
    assert (workspace / "link.catar").read_bytes() == (workspace / "tree.catar").read_bytes()


@pytest.mark.usefixtures("tree")
def test_the_command_takes_casyncs_words(workspace: Workspace, desync_run: Run) -> None:
    ran = desync_run("tar", "--no-time", "--with=unix", "-q", "new.catar", "tree")
    features = {"with_features": ["unix"], "without_features": ["sec-time"]}
    workspace.do("tar", directory="tree", archive="other.catar", **features)
    cut = desync_run("tar", "-s", "store", "-q", "new.caidx", "tree")

    assert [ran.returncode, cut.returncode] == [0, 0]
    assert (workspace / "new.catar").read_bytes() == (workspace / "other.catar").read_bytes()
    assert chunk_files(workspace / "store")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--with=xatrs",), "'xatrs' is nothing that archives keep; did you mean 'xattrs'?"),
        (("-s", "store"), "keeps the chunks of an index; give index"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(
    desync_run: Run, arguments: tuple[str, ...], message: str
) -> None:
    ran = desync_run("tar", *arguments, "new.catar", "tree")

    assert ran.returncode == EXIT_USAGE
    assert message in ran.stderr.decode()


def test_the_archive_is_the_same_with_any_number_of_threads(
    workspace: Workspace, tree: Path
) -> None:
    (tree / "large").write_bytes(os.urandom(5 << 20))
    for workers in (1, 4):
        how = How(workers=workers)
        workspace.do("tar", how, directory="tree", index=f"{workers}.caidx", chunk_size=SMALL)

    assert (workspace / "1.caidx").read_bytes() == (workspace / "4.caidx").read_bytes()
