"""What only some file systems have is unpacked there, and is an error with advice elsewhere."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from desync_jobs.errors import EXIT_FAILED
from desync_jobs.formats.catar.records import Filename, Payload
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.testing.programs import require_program
from tests.archives import END, Part, archive, directory, file, regular
from tests.filesystems.mounting import mounted
from tests.interop.casync import casync
from tests.trees import grow
from tests.workspace import Workspace


def run(*arguments: str | Path) -> None:
    subprocess.run(arguments, check=True, capture_output=True)


@pytest.fixture(params=["btrfs", "xfs", "ext4"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    with mounted(request.param, tmp_path / request.param, 64) as folder:
        yield Workspace(folder)


def marked(disk: Workspace) -> Path:
    """Make a tree with every attribute that its file system has."""
    top = disk / "tree"
    grow(top, 11)
    for name in ("immutable", "append", "both"):
        (top / name).mkdir()
        (top / name / "file").write_text(name)
        (top / name / "file2").write_text("other")
    kind = disk.path.name
    run("chattr", "+AS", top / "both" / "file")
    run("chattr", "+a", top / "append" / "file")
    run("chattr", "+i", top / "immutable" / "file")
    if kind == "btrfs":
        program = require_program("btrfs")
        (top / "nocow").touch()
        run("chattr", "+C", top / "nocow")
        (top / "nocow").write_bytes(os.urandom(100_000))
        for arguments in (["create", "sub"], ["snapshot", "-r", "sub", "read-only"]):
            subprocess.run([program, "subvolume", *arguments], cwd=top, check=True)
    if kind == "xfs":
        run("chattr", "-p", "77", top / "both" / "file2")
    run("chattr", "+i", top / "immutable")
    run("chattr", "+a", top / "append")
    return top


def test_a_tree_comes_back_with_all_its_attributes(disk: Workspace) -> None:
    marked(disk)
    casync(disk.path, "make", "tree.catar", "tree")
    wanted = (disk / "tree.catar").read_bytes()
    first = disk.do("untar", archive="tree.catar", target="new")
    again = disk.do("untar", archive="tree.catar", target="new")

    assert [first.summary, again.summary] == [(0, "done"), (0, "unchanged")], again.message
    assert disk.do("tar", directory="new", archive="new.catar").summary == (0, "done")
    assert (disk / "new.catar").read_bytes() == wanted

    run("chattr", "-i", disk / "new" / "immutable", disk / "new" / "immutable" / "file")
    (disk / "new" / "immutable" / "file").write_text("changed")
    run("chattr", "+i", disk / "new" / "immutable", disk / "new" / "immutable" / "file")
    for atomic in (False, True, True):
        ended = disk.do("untar", archive="tree.catar", target="new", atomic=atomic)
        assert ended.summary == (0, "done"), ended.message
        assert disk.do("tar", directory="new", archive="new.catar").result.exit_code == 0
        assert (disk / "new.catar").read_bytes() == wanted
    assert not (disk / ".new.desync-run.tree").exists()


F = FeatureFlags
LACKING: dict[str, tuple[list[Part], str]] = {
    "subvolume": ([directory(), Filename(b"x"), directory(flags=int(F.SUBVOLUME)), END], "a subvo"),
    "chattr": (
        [
            directory(),
            Filename(b"x"),
            regular(flags=int(F.ATTRIBUTE_COMPR)),
            Payload(1),
            b"x",
        ],
        "its attributes of chattr",
    ),
    "fat-attrs": (
        [directory(), Filename(b"x"), regular(flags=int(F.FAT_HIDDEN)), Payload(1), b"x"],
        "its attributes of FAT",
    ),
}


@pytest.mark.parametrize("feature", LACKING)
def test_what_a_file_system_does_not_have_is_an_error_that_says_how_to_do_without(
    tmp_path: Path, feature: str
) -> None:
    parts, what = LACKING[feature]
    with mounted("tmpfs", tmp_path / "disk", 8) as disk:
        workspace = Workspace(disk)
        (disk / "x.catar").write_bytes(archive([*parts, END]))
        ended = workspace.do("untar", archive="x.catar", target="new")
        without = workspace.do("untar", archive="x.catar", target="new", without_features=[feature])

    assert ended.summary == (EXIT_FAILED, "failed")
    assert ended.message.startswith(f"{disk}/new/x: cannot have {what}")
    assert ended.message.endswith(
        f'; leave it out (without_features = ["{feature}"], --without={feature})'
    )
    assert without.summary == (0, "done")


def test_a_time_that_a_file_system_cannot_hold_is_an_error(tmp_path: Path) -> None:
    with mounted("ext4", tmp_path / "disk", 8) as disk:
        workspace = Workspace(disk)
        in_1811 = directory(mtime_ns=-5_000_000_000 * 10**9)
        (disk / "x.catar").write_bytes(archive([in_1811, *file(b"x", b""), END]))
        ended = workspace.do("untar", archive="x.catar", target="new")

    assert ended.summary == (EXIT_FAILED, "failed")
    assert ended.message.startswith(f"{disk}/new: its file system cannot hold the time of")


def test_what_does_not_fit_is_one_error_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    with mounted("tmpfs", tmp_path / "disk", 8) as disk:
        (tmp_path / "tree").mkdir()
        for number in range(40):
            (tmp_path / "tree" / f"{number:02}").write_bytes(os.urandom(300_000))
        workspace = Workspace(tmp_path)
        workspace.do("tar", directory="tree", archive="tree.catar")
        (disk / "old").mkdir()
        (disk / "old" / "kept").touch()
        plain = workspace.do("untar", archive="tree.catar", target="disk/new")
        names = sorted(path.name for path in (disk / "new").iterdir())
        whole = {path.name for path in (disk / "new").iterdir() if path.stat().st_size == 300_000}
        subprocess.run(["rm", "-rf", disk / "new"], check=True)
        staged = workspace.do("untar", archive="tree.catar", target="disk/old", atomic=True)

        for ended in (plain, staged):
            assert ended.summary == (EXIT_FAILED, "failed")
            assert ended.message.endswith(
                "cannot be written: No space left on device; make room and run again"
            )
        assert set(names) == whole
        assert names
        assert os.listdir(disk) == ["old"]
        assert os.listdir(disk / "old") == ["kept"]


def test_what_is_mounted_in_a_target_is_not_removed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "tree").mkdir()
    workspace.do("tar", directory="tree", archive="tree.catar")
    (tmp_path / "new").mkdir()
    with mounted("tmpfs", tmp_path / "new" / "mount", 8) as disk:
        (disk / "kept").touch()
        ended = workspace.do("untar", archive="tree.catar", target="new", delete=True)

        assert ended.summary == (EXIT_FAILED, "failed")
        assert ended.message == (
            f"{disk}: cannot be removed: something is mounted there; unmount it first"
        )
        assert (disk / "kept").exists()


def test_what_is_mounted_cannot_be_replaced_as_a_whole(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "tree").mkdir()
    workspace.do("tar", directory="tree", archive="tree.catar")
    (tmp_path / "new" / "a b").mkdir(parents=True)
    with mounted("tmpfs", tmp_path / "new" / "a b" / "c", 8) as disk:
        ended = workspace.do("untar", archive="tree.catar", target="new", atomic=True)

    assert ended.summary == (EXIT_FAILED, "failed")
    assert ended.message == (
        f"{tmp_path}/new cannot be replaced as a whole: something is mounted at {disk}; unmount "
        "it, or leave out atomic"
    )
