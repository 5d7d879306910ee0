"""A disk that is full: one message that says where, nothing half written, and a second chance."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desync_jobs.cli.main import main
from tests.faults.chunkfiles import index_ids, temporary_files, valid_ids
from tests.faults.disks import fill
from tests.filesystems.mounting import mounted
from tests.vectors.inputs import ctr
from tests.workspace import Workspace

Run = Callable[..., subprocess.CompletedProcess[bytes]]

BLOB = ctr(3_000_000, b"full")
OLD = b"what was here before"
NO_SPACE = "No space left on device"


@pytest.fixture(params=["tmpfs", "ext4"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A small disk at `disk`, beside a blob and its index and store on a large one."""
    with mounted(request.param, tmp_path / "disk", 8) as folder:
        yield folder


@pytest.fixture
def made(workspace: Workspace) -> Path:
    """A blob with its index and a store."""
    (workspace / "blob").write_bytes(BLOB)
    assert workspace.do("make", index="blob.caibx", blob="blob", store="store").summary[0] == 0
    return workspace.path


@pytest.fixture
def unaware(
    made: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """Run the program in this process, where no file system says beforehand what is free.

    So does a disk that somebody else fills meanwhile.
    """

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        with monkeypatch.context() as patch:
            patch.chdir(made)
            patch.setattr(os, "statvfs", _without_limit)
            code = main(list(arguments))
        said = capfdbinary.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return run


def _without_limit(path: str) -> os.statvfs_result:
    del path
    return os.statvfs_result((4096, 4096, 0, 0, 0, 0, 0, 0, 0, 255))


def outcome(ended: subprocess.CompletedProcess[bytes]) -> tuple[int, list[str]]:
    assert ended.stdout == b""
    return ended.returncode, ended.stderr.decode().splitlines()


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("store", ("make", "-s", "disk/store", "new.caibx", "blob")),
        ("store", ("chop", "-s", "disk/store", "blob.caibx", "blob")),
        ("cache", ("cache", "-s", "store", "-c", "disk/store", "blob.caibx")),
        ("cache", ("extract", "-s", "store", "-c", "disk/store", "blob.caibx", "copy")),
        ("cache", ("cat", "-s", "store", "-c", "disk/store", "blob.caibx", "copy")),
    ],
    ids=["make", "chop", "cache", "extract", "cat"],
)
def test_chunks_that_do_not_fit(
    name: str, command: tuple[str, ...], unaware: Run, made: Path, disk: Path
) -> None:
    all_ids = index_ids(made / "blob.caibx")
    (disk / "store").mkdir()
    filler = fill(disk, leave=1_000_000)
    names = sorted(os.listdir(made))
    code, said = outcome(unaware(*command))
    stored, left = valid_ids(disk / "store"), temporary_files(made)
    names_after = sorted(os.listdir(made))
    filler.unlink()
    again = outcome(unaware(*command))

    assert (code, len(said)) == (1, 1)
    assert said[0].startswith(f"desync-run: store {name}: cannot write {disk}/store/")
    assert said[0].endswith(f".cacnk: {NO_SPACE}")
    assert (names_after, left) == (names, [])
    assert 0 < len(stored) < len(all_ids)
    assert again == (0, [])
    assert valid_ids(disk / "store") == all_ids


@pytest.mark.parametrize("old", [OLD, None], ids=["replaced", "new"])
@pytest.mark.parametrize(
    "command",
    [
        ("extract", "-s", "store", "blob.caibx", "disk/copy"),
        ("cat", "-s", "store", "blob.caibx", "disk/copy"),
    ],
    ids=["extract", "cat"],
)
def test_a_target_that_does_not_fit(
    command: tuple[str, ...], old: bytes | None, unaware: Run, made: Path, disk: Path
) -> None:
    copy = disk / "copy"
    if old is not None:
        copy.write_bytes(old)
    filler = fill(disk, leave=1_000_000)
    names = sorted(os.listdir(disk))
    ended = outcome(unaware(*command))
    content = copy.read_bytes() if copy.exists() else None
    names_after = sorted(os.listdir(disk))
    filler.unlink()
    again = outcome(unaware(*command))

    assert ended == (
        1,
        [f"desync-run: {copy}: cannot be written: {NO_SPACE}; make room and run again"],
    )
    assert (content, names_after) == (old, names)
    assert again == (0, [])
    assert copy.read_bytes() == BLOB
    assert made == disk.parent


def test_a_full_disk_gets_back_what_could_have_been_kept(
    workspace: Workspace, unaware: Run, disk: Path
) -> None:
    workspace.make("large", ctr(12_000_000, b"large"), chunk_size="64KiB")
    free = os.statvfs(disk).f_bavail
    code, said = outcome(unaware("extract", "-s", "store", "large.caibx", "disk/copy"))

    assert (code, len(said)) == (1, 1)
    assert NO_SPACE in said[0]
    assert os.listdir(disk) in ([], ["lost+found"])
    assert os.statvfs(disk).f_bavail == free


def test_a_target_in_place_that_does_not_fit(unaware: Run, made: Path, disk: Path) -> None:
    command = ("extract", "-k", "-s", "store", "blob.caibx", "disk/copy")
    filler = fill(disk, leave=1_000_000)
    ended = outcome(unaware(*command))
    filler.unlink()
    again = outcome(unaware(*command))

    assert ended == (
        1,
        [f"desync-run: {disk}/copy: cannot be written: {NO_SPACE}; make room and run again"],
    )
    assert again == (0, [])
    assert (disk / "copy").read_bytes() == BLOB
    assert made == disk.parent


LITTLE = 1_000_000
"""Bytes that are left, roughly."""


@pytest.mark.parametrize(
    ("what", "command"),
    [
        ("the target", ("extract", "-s", "store", "blob.caibx", "disk/new")),
        ("the target", ("extract", "-k", "-s", "store", "blob.caibx", "disk/new")),
        ("the target", ("extract", "-k", "-s", "store", "blob.caibx", "disk/short")),
        ("cache cache", ("extract", "-s", "store", "-c", "disk/cache", "blob.caibx", "new")),
        ("the output", ("cat", "-s", "store", "blob.caibx", "disk/new")),
        ("cache cache", ("cat", "-s", "store", "-c", "disk/cache", "blob.caibx", "new")),
        ("cache cache", ("cache", "-s", "store", "-c", "disk/cache", "blob.caibx")),
    ],
    ids=["extract", "in-place", "larger-in-place", "extract-cache", "cat", "cat-cache", "cache"],
)
def test_what_cannot_fit_is_refused_before_anything_is_written(
    what: str, command: tuple[str, ...], desync_run: Run, made: Path, disk: Path
) -> None:
    (disk / "short").write_bytes(BLOB[:100_000])
    filler = fill(disk, leave=LITTLE)
    before = {path: path.stat().st_mtime_ns for path in (made, disk, *disk.iterdir())}
    code, said = outcome(desync_run(*command))
    after = {path: path.stat().st_mtime_ns for path in (made, disk, *disk.iterdir())}
    filler.unlink()
    again = outcome(desync_run(*command))

    assert (code, len(said)) == (1, 1)
    assert said[0].startswith(f"desync-run: {disk}: not enough space: {what} needs ")
    assert said[0].endswith(" bytes) are free; make room first")
    assert after == before
    assert again == (0, [])


def test_what_the_disk_has_already_needs_no_room(desync_run: Run, made: Path, disk: Path) -> None:
    """A target that is mended in place, and a cache that has nearly all."""
    (disk / "copy").write_bytes(BLOB[:1_500_000] + bytes(64) + BLOB[1_500_064:])
    fill(disk, leave=LITTLE // 2)
    mended = outcome(desync_run("extract", "-k", "-s", "store", "blob.caibx", "disk/copy"))

    assert mended == (0, [])
    assert (disk / "copy").read_bytes() == BLOB
    assert made == disk.parent


def test_a_full_cache_needs_no_room(desync_run: Run, made: Path, disk: Path) -> None:
    command = ("extract", "-s", "store", "-c", "disk/cache", "blob.caibx", "copy")
    first = outcome(desync_run(*command))
    (made / "copy").unlink()
    fill(disk, leave=4096)
    again = outcome(desync_run(*command))

    assert (first, again) == ((0, []), (0, []))


def test_a_plan_says_that_there_is_not_enough_room(workspace: Workspace, disk: Path) -> None:
    workspace.make("blob", BLOB)
    fill(disk, leave=LITTLE)
    operation = {"kind": "extract", "index": "blob.caibx", "target": "disk/copy"}
    (step,) = workspace.plan({"it": {**operation, "stores": ["store"]}}).steps

    (space,), (warning,) = step.cost.space, step.cost.warnings
    assert step.error is None
    assert (space.path, space.what) == (str(disk), ("the target",))
    assert len(BLOB) <= space.lower == space.upper < len(BLOB) + 4096
    assert abs(space.free - LITTLE) < LITTLE / 2
    assert warning.startswith(f"{disk}: not enough space: the target needs ")


@pytest.mark.parametrize(
    ("command", "output"),
    [
        (("make", "-m", "64B:128B:256B", "disk/index", "blob"), "index"),
        (("list-chunks", "fine.caibx"), "list"),
    ],
    ids=["make", "list-chunks"],
)
def test_an_output_that_does_not_fit(
    command: tuple[str, ...], output: str, desync_run: Run, made: Path, disk: Path
) -> None:
    desync_run("make", "-m", "64B:128B:256B", "fine.caibx", "blob")
    path = disk / output
    job = made / "job.toml"
    job.write_text(
        'version = 1\n[operations.list]\nkind = "list-chunks"\n'
        'index = "fine.caibx"\noutput = "disk/list"\n',
        encoding="utf-8",
    )
    if command[0] == "list-chunks":
        command = ("run", "-q", "job.toml")
    path.write_bytes(OLD)
    filler = fill(disk, leave=100_000)
    names = sorted(os.listdir(disk))
    code, said = outcome(desync_run(*command))
    content, names_after = path.read_bytes(), sorted(os.listdir(disk))
    filler.unlink()
    again = outcome(desync_run(*command))

    assert (code, len(said)) == (1, 1)
    assert said[0].endswith(f"{path}: cannot be written: {NO_SPACE}; make room and run again")
    assert (content, names_after) == (OLD, names)
    assert again == (0, [])
    assert path.read_bytes() != OLD


def test_events_that_do_not_fit_are_dropped_with_a_warning(
    desync_run: Run, made: Path, disk: Path
) -> None:
    fill(disk)
    dropped = f"events can no longer be written to disk/events: [Errno 28] {NO_SPACE}"
    ended = outcome(
        desync_run("extract", "-s", "store", "blob.caibx", "copy", "--events", "disk/events")
    )

    assert ended == (0, [f"desync-run: warning: {dropped}"])
    assert (made / "copy").read_bytes() == BLOB
