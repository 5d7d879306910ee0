"""A disk that is full: one message that says where, nothing half written, and a second chance."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
    name: str, command: tuple[str, ...], desync_run: Run, made: Path, disk: Path
) -> None:
    all_ids = index_ids(made / "blob.caibx")
    (disk / "store").mkdir()
    filler = fill(disk, leave=1_000_000)
    names = sorted(os.listdir(made))
    code, said = outcome(desync_run(*command))
    stored, left = valid_ids(disk / "store"), temporary_files(made)
    names_after = sorted(os.listdir(made))
    filler.unlink()
    again = outcome(desync_run(*command))

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
    command: tuple[str, ...], old: bytes | None, desync_run: Run, made: Path, disk: Path
) -> None:
    copy = disk / "copy"
    if old is not None:
        copy.write_bytes(old)
    filler = fill(disk, leave=1_000_000)
    names = sorted(os.listdir(disk))
    ended = outcome(desync_run(*command))
    content = copy.read_bytes() if copy.exists() else None
    names_after = sorted(os.listdir(disk))
    filler.unlink()
    again = outcome(desync_run(*command))

    assert ended == (1, [f"desync-run: {copy}: cannot be written: {NO_SPACE}"])
    assert (content, names_after) == (old, names)
    assert again == (0, [])
    assert copy.read_bytes() == BLOB
    assert made == disk.parent


def test_a_full_disk_gets_back_what_could_have_been_kept(
    workspace: Workspace, desync_run: Run, disk: Path
) -> None:
    workspace.make("large", ctr(12_000_000, b"large"), chunk_size="64KiB")
    free = os.statvfs(disk).f_bavail
    code, said = outcome(desync_run("extract", "-s", "store", "large.caibx", "disk/copy"))

    assert (code, len(said)) == (1, 1)
    assert NO_SPACE in said[0]
    assert os.listdir(disk) in ([], ["lost+found"])
    assert os.statvfs(disk).f_bavail == free


def test_a_target_in_place_that_does_not_fit(desync_run: Run, made: Path, disk: Path) -> None:
    command = ("extract", "-k", "-s", "store", "blob.caibx", "disk/copy")
    filler = fill(disk, leave=1_000_000)
    ended = outcome(desync_run(*command))
    filler.unlink()
    again = outcome(desync_run(*command))

    assert ended == (1, [f"desync-run: {disk}/copy: cannot be written: {NO_SPACE}"])
    assert again == (0, [])
    assert (disk / "copy").read_bytes() == BLOB
    assert made == disk.parent


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
    assert said[0].endswith(f"{path}: cannot be written: {NO_SPACE}")
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
