"""`untar` makes the tree of an archive, and leaves alone what is right already."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from desync_jobs.errors import EXIT_FAILED, EXIT_INVALID_DATA, EXIT_LOCKED, EXIT_USAGE
from desync_jobs.formats.catar.records import Filename, Payload, Symlink
from tests.archives import END, Part, archive, directory, entry, file, regular
from tests.conftest import Run
from tests.trees import grow, need_root
from tests.workspace import SMALL, How, Workspace, stamps

TIME = 1_500_000_000_123_456_789


@pytest.fixture
def tree(workspace: Workspace) -> Path:
    """A directory called `tree`, and `tree.catar`, its archive."""
    top = workspace / "tree"
    for name, data in {
        "a/large": os.urandom(1_300_000),
        "a/holes": bytes(100_000) + b"end",
        "a/b/empty": b"",
        "c": b"content",
    }.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)
    (top / "link").symlink_to("a/large")
    os.mkfifo(top / "fifo", 0o640)
    (top / "c").chmod(0o4711)
    (top / "a" / "b").chmod(0o500)
    os.setxattr(top / "c", "user.note", b"value")
    for folder, _, _ in os.walk(top, topdown=False):
        os.utime(folder, ns=(TIME, TIME))
    packed(workspace, "tree", "tree.catar")
    return top


def packed(workspace: Workspace, directory: str, archive: str) -> bytes:
    ended = workspace.do("tar", directory=directory, archive=archive)
    assert ended.summary[0] == 0, ended.message
    return (workspace / archive).read_bytes()


def unpack(workspace: Workspace, how: How | None = None, /, **fields: Any) -> dict[str, int]:
    """Unpack `tree.catar` at `new`; returns how many entries were written, changed and removed."""
    ended = workspace.do("untar", how, **{"archive": "tree.catar", "target": "new", **fields})
    assert ended.result.exit_code == 0, ended.message
    counts = {name: ended.statistics[f"entries_{name}"] for name in ("written", "changed")}
    removed = ended.statistics["entries_removed"]
    assert (ended.only.status.value == "unchanged") == (not (any(counts.values()) or removed))
    return counts | {"removed": removed}


@pytest.mark.parametrize("atomic", [False, True])
def test_an_archive_becomes_the_tree_that_it_was_made_of(
    workspace: Workspace, tree: Path, atomic: bool
) -> None:
    counts = unpack(workspace, atomic=atomic)

    assert counts == {"written": 9, "changed": 0, "removed": 0}
    assert packed(workspace, "new", "new.catar") == (workspace / "tree.catar").read_bytes()
    assert (workspace / "new" / "a" / "holes").stat().st_blocks < 100
    assert sorted(os.listdir(workspace.path)) == ["new", "new.catar", "tree", "tree.catar"]
    assert tree.is_dir()


@pytest.mark.usefixtures("tree")
def test_what_is_right_is_left_alone(workspace: Workspace) -> None:
    unpack(workspace)
    before = stamps(workspace / "new")
    assert unpack(workspace) == {"written": 0, "changed": 0, "removed": 0}
    assert stamps(workspace / "new") == before

    (workspace / "new" / "a" / "large").write_bytes(b"other")
    (workspace / "new" / "a" / "holes").chmod(0o600)
    os.setxattr(workspace / "new" / "c", "user.other", b"x")
    counts = unpack(workspace)
    after = stamps(workspace / "new")

    assert counts == {"written": 1, "changed": 3, "removed": 0}  # the directory's time is one
    assert {name for name in before if before[name][0] != after[name][0]} == {"a/large"}
    assert packed(workspace, "new", "new.catar") == (workspace / "tree.catar").read_bytes()


@pytest.mark.usefixtures("tree")
def test_a_large_file_that_ends_otherwise_is_written_anew(workspace: Workspace) -> None:
    unpack(workspace)
    large = workspace / "new" / "a" / "large"
    with large.open("r+b") as stream:
        stream.seek(1_200_000)
        stream.write(b"changed")
    os.link(large, workspace / "other name")
    unpack(workspace)

    assert large.read_bytes() == (workspace / "tree" / "a" / "large").read_bytes()
    assert b"changed" in (workspace / "other name").read_bytes()


@pytest.mark.usefixtures("tree")
def test_a_file_with_another_name_elsewhere_is_not_changed(workspace: Workspace) -> None:
    unpack(workspace)
    os.link(workspace / "new" / "c", workspace / "outside")
    (workspace / "outside").chmod(0o600)
    unpack(workspace)

    assert stat.S_IMODE((workspace / "outside").stat().st_mode) == 0o600
    assert stat.S_IMODE((workspace / "new" / "c").stat().st_mode) == 0o4711


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("delete", [False, True])
def test_what_an_archive_does_not_have_is_removed_where_that_is_asked_for(
    workspace: Workspace, delete: bool
) -> None:
    unpack(workspace)
    (workspace / "new" / "more" / "and more").mkdir(parents=True)
    (workspace / "new" / "more" / "file").touch()
    (workspace / "new" / "a" / "out").symlink_to(workspace / "tree")
    (workspace / "new" / "more" / "out").symlink_to(workspace / "tree")
    counts = unpack(workspace, delete=delete)

    assert counts["removed"] == (5 if delete else 0)
    assert (workspace / "new" / "more").exists() == (not delete)
    assert (workspace / "tree" / "c").exists()
    same = packed(workspace, "new", "new.catar") == (workspace / "tree.catar").read_bytes()
    assert same == delete


@pytest.mark.usefixtures("tree")
def test_an_atomic_change_replaces_the_whole_tree(workspace: Workspace) -> None:
    (workspace / "new" / "old").mkdir(parents=True)
    before = (workspace / "new").stat().st_ino
    (workspace / ".new.desync-run.tree" / "left").mkdir(parents=True)
    counts = unpack(workspace, atomic=True)

    assert counts["written"] == 9
    assert (workspace / "new").stat().st_ino != before
    assert packed(workspace, "new", "new.catar") == (workspace / "tree.catar").read_bytes()
    assert sorted(os.listdir(workspace.path)) == ["new", "new.catar", "tree", "tree.catar"]


KINDS = {
    "directory": lambda path: (path / "inner").mkdir(parents=True),
    "file": lambda path: path.write_text("there"),
    "link": lambda path: path.symlink_to("."),
}


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("there", KINDS)
@pytest.mark.parametrize("name", ["a", "c", "a/large", "link", "fifo"])
def test_another_kind_is_replaced_without_asking_only_where_no_directory_is(
    workspace: Workspace, there: str, name: str
) -> None:
    path = workspace / "new" / name
    path.parent.mkdir(parents=True)
    KINDS[there](path)
    both = (there == "directory") + (name == "a")
    ended = workspace.do("untar", archive="tree.catar", target="new")
    if both == 1:
        assert ended.summary == (EXIT_FAILED, "failed")
        assert ended.message == (
            f"{path} is {'a' if there == 'directory' else 'no'} directory and the archive has "
            f"{'a' if name == 'a' else 'no'} directory there; move it away, or have it removed "
            "(replace = true, --replace)"
        )
        unpack(workspace, replace=True)
    else:
        assert ended.summary == (0, "done")

    unpack(workspace, delete=True)
    assert packed(workspace, "new", "new.catar") == (workspace / "tree.catar").read_bytes()


def test_chunks_become_the_same_tree_as_their_archive(workspace: Workspace, tree: Path) -> None:
    asked = {"directory": "tree", "index": "tree.caidx", "store": "store", "chunk_size": SMALL}
    workspace.do("tar", **asked)
    counts = unpack(workspace, archive=None, index="tree.caidx", stores=["store"], cache="cache")

    assert counts["written"] == 9
    assert packed(workspace, "new", "new.catar") == (workspace / "tree.catar").read_bytes()
    assert tree.is_dir()


@pytest.mark.usefixtures("tree")
def test_an_archive_comes_through_a_pipe(workspace: Workspace) -> None:
    data = (workspace / "tree.catar").read_bytes()
    unpack(workspace, How(given=data), archive="-")

    assert packed(workspace, "new", "new.catar") == data


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("workers", [1, 4])
def test_any_tree_comes_back_as_it_was(workspace: Workspace, seed: int, workers: int) -> None:
    need_root()
    grow(workspace / "tree", 100 + seed)
    wanted = packed(workspace, "tree", "tree.catar")
    for again in (False, True):
        counts = unpack(workspace, How(workers=workers))
        assert packed(workspace, "new", "new.catar") == wanted
        assert bool(counts["written"]) == (not again)


@pytest.mark.usefixtures("tree")
def test_what_is_left_out_is_as_the_system_makes_it(workspace: Workspace) -> None:
    new = workspace / "new"
    old_mask = os.umask(0o027)
    try:
        left_out = ["nsec-time", "xattrs", "symlinks", "fifos"]
        ended = workspace.do(
            "untar",
            archive="tree.catar",
            target="new",
            without_features=left_out,
            same_permissions=False,
        )
    finally:
        os.umask(old_mask)

    assert ended.statistics["entries_left_out"] == 2
    assert sorted(os.listdir(new)) == ["a", "c"]
    assert [stat.S_IMODE((new / name).stat().st_mode) for name in ("a/b", "c")] == [0o750, 0o640]
    assert os.listxattr(new / "c") == []
    assert (new / "a").stat().st_mtime_ns > TIME


def test_the_last_of_two_entries_with_one_name_wins(workspace: Workspace) -> None:
    link: list[Part] = [Filename(b"a"), entry(stat.S_IFLNK | 0o777), Symlink(b"x")]
    parts: list[Part] = [
        directory(),
        *file(b"a", b"first"),
        *link,
        *file(b"a", b"last"),
        *([Filename(b"d"), directory(), *file(b"x", b"1"), END]),
        *([Filename(b"d"), directory(0o700), *file(b"y", b"2"), END]),
        END,
    ]
    (workspace / "tree.catar").write_bytes(archive(parts))
    for atomic in (False, True):
        unpack(workspace, atomic=atomic)
        assert (workspace / "new" / "a").read_text() == "last"
        assert sorted(os.listdir(workspace / "new" / "d")) == ["x", "y"]
        assert stat.S_IMODE((workspace / "new" / "d").stat().st_mode) == 0o700


@pytest.mark.parametrize("atomic", [False, True])
def test_nothing_is_written_through_a_link(workspace: Workspace, atomic: bool) -> None:
    (workspace / "outside").mkdir()
    target = os.fsencode(workspace / "outside")
    for below in (
        [directory(), *file(b"planted", b"x"), END],
        [regular(), Payload(1), b"x"],
    ):
        link: list[Part] = [Filename(b"out"), entry(stat.S_IFLNK | 0o777), Symlink(target)]
        parts: list[Part] = [directory(), *link, Filename(b"out"), *below, END]
        (workspace / "tree.catar").write_bytes(archive(parts))
        workspace.do("untar", archive="tree.catar", target="new", atomic=atomic)

        assert os.listdir(workspace / "outside") == []


def test_a_link_in_the_target_is_replaced_and_not_followed(
    workspace: Workspace, tree: Path
) -> None:
    (workspace / "outside").mkdir()
    (workspace / "outside" / "kept").write_text("kept")
    (workspace / "new").mkdir()
    (workspace / "new" / "a").symlink_to(workspace / "outside")
    (workspace / "new" / "c").symlink_to(workspace / "outside" / "kept")
    refused = workspace.do("untar", archive="tree.catar", target="new")
    unpack(workspace, replace=True, delete=True)

    assert refused.summary == (EXIT_FAILED, "failed")
    assert os.listdir(workspace / "outside") == ["kept"]
    assert (workspace / "outside" / "kept").read_text() == "kept"
    assert (workspace / "new" / "c").read_bytes() == (tree / "c").read_bytes()


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"archive": "no"}, "{}/no: archive does not exist"),
        ({"target": "tree/c"}, "{}/tree/c is not a directory; name another target"),
        (
            {"target": "no/new"},
            "{}/no/new: cannot be written: its folder does not exist; create it",
        ),
        (
            {"target": ".", "delete": True},
            "{0}/tree.catar is in {0}, from which everything else is removed; name another place",
        ),
    ],
)
def test_what_cannot_be_unpacked_is_refused(
    workspace: Workspace, fields: dict[str, Any], message: str
) -> None:
    ended = workspace.do("untar", **{"archive": "tree.catar", "target": "new", **fields})

    assert ended.only.status.value == "failed"
    assert ended.message == message.format(workspace.path)


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("atomic", [False, True])
def test_an_archive_that_is_cut_off_is_an_error(workspace: Workspace, atomic: bool) -> None:
    (workspace / "new").mkdir()
    data = (workspace / "tree.catar").read_bytes()
    (workspace / "tree.catar").write_bytes(data[:-1])
    ended = workspace.do("untar", archive="tree.catar", target="new", atomic=atomic)

    assert ended.summary == (EXIT_INVALID_DATA, "failed")
    assert ended.message.startswith(
        f"{workspace.path}/tree.catar: ends at byte {len(data) - 1}, before"
    )
    if atomic:
        assert os.listdir(workspace / "new") == []


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("atomic", [False, True])
def test_a_target_that_another_run_writes_is_locked(workspace: Workspace, atomic: bool) -> None:
    import fcntl

    (workspace / "new").mkdir()
    fd = os.open(workspace / "new", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        ended = workspace.do("untar", archive="tree.catar", target="new", atomic=atomic)
    finally:
        os.close(fd)

    assert ended.summary == (EXIT_LOCKED, "failed")
    assert os.listdir(workspace / "new") == []
    assert sorted(os.listdir(workspace.path)) == ["new", "tree", "tree.catar"]


@pytest.mark.usefixtures("tree")
def test_the_command_unpacks_archives_and_indexes(workspace: Workspace, desync_run: Run) -> None:
    workspace.do("tar", directory="tree", index="tree.caidx", store="store")
    plain = desync_run("untar", "-q", "tree.catar", "plain")
    cut = desync_run("untar", "-q", "--atomic", "-s", "store", "tree.caidx", "cut")

    assert [plain.returncode, cut.returncode] == [0, 0]
    wanted = (workspace / "tree.catar").read_bytes()
    assert packed(workspace, "plain", "plain.catar") == wanted
    assert packed(workspace, "cut", "cut.catar") == wanted


@pytest.mark.usefixtures("tree")
def test_the_command_leaves_times_out(workspace: Workspace, desync_run: Run) -> None:
    ran = desync_run("untar", "-q", "--no-time", "--no-same-owner", "tree.catar", "new")

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert (workspace / "new" / "a").stat().st_mtime_ns > TIME
    assert stat.S_IMODE((workspace / "new" / "c").stat().st_mode) == 0o4711


def test_a_whole_new_tree_has_nothing_else_in_it(workspace: Workspace) -> None:
    from desync_jobs.errors import ManifestError

    with pytest.raises(ManifestError) as refused:
        workspace.do("untar", archive="a", target="b", atomic=True, delete=False)

    assert refused.value.exit_code == EXIT_USAGE
    assert "operations.untar.delete: an atomic change makes a whole new tree" in str(refused.value)


def test_names_of_any_length_that_a_file_can_have(workspace: Workspace) -> None:
    name = b"n" * 255
    parts = [*file(name, b"content"), Filename(name[1:]), directory(), END]
    (workspace / "tree.catar").write_bytes(archive([directory(), *parts, END]))
    for atomic in (False, True):
        unpack(workspace, atomic=atomic)
        assert (workspace / "new" / name.decode()).read_bytes() == b"content"
        assert (workspace / "new" / name[1:].decode()).is_dir()


def test_an_archive_of_desyncs_is_read_as_desync_means_it(workspace: Workspace) -> None:
    (workspace / "tree").mkdir()
    (workspace / "tree" / "file").write_text("content")
    os.setxattr(workspace / "tree" / "file", "user.empty", b"")
    os.setxattr(workspace / "tree" / "file", "user.note", b"value\0")
    os.mkfifo(workspace / "tree" / "fifo")
    tar = workspace.do("tar", directory="tree", archive="tree.catar", dialect="desync")
    assert tar.result.exit_code == 0, tar.message
    ended = workspace.do("untar", archive="tree.catar", target="new")
    path = workspace / "new" / "file"

    assert ended.summary == (0, "done")
    assert {name: os.getxattr(path, name) for name in os.listxattr(path)} == {
        "user.empty": b"",
        "user.note": b"value\0",
    }


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("durability", ["full", "rename", "none"])
def test_a_file_system_is_synced_where_something_was_written_to_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, durability: str
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("desync_jobs.execute.planting.sync_file_system", synced.append)
    unpack(workspace, durability=durability)
    first = len(synced)
    unpack(workspace, durability=durability)
    again = len(synced)
    unpack(workspace, durability=durability, atomic=True)

    wanted = 0 if durability == "none" else 1
    assert [first, again, len(synced)] == [wanted, wanted, 2 * wanted]
