"""Two runs that write the same thing: one does, the other says so; a store takes both."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from desync_jobs.report.events import PhaseStarted
from tests.faults.chunkfiles import index_ids, temporary_files, valid_ids
from tests.operations.seeded import Once
from tests.vectors.inputs import ctr
from tests.workspace import How, Workspace

Run = Callable[..., subprocess.CompletedProcess[bytes]]
Start = Callable[..., subprocess.Popen[bytes]]

BLOB = ctr(8_000_000, b"locks")
SMALLEST_PIPE = 4096

COMMANDS = {
    "extract": (("extract", "-s", "store", "blob.caibx", "copy"), "copy"),
    "extract in place": (("extract", "-k", "-s", "store", "blob.caibx", "copy"), "copy"),
    "cat": (("cat", "-s", "store", "blob.caibx", "copy"), "copy"),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("original"))
    workspace.make("blob", BLOB, chunk_size="1KiB:2KiB:4KiB")
    return workspace.path


@pytest.fixture
def made(workspace: Workspace, original: Path) -> Workspace:
    """A blob of many chunks with its index and store, whose files nobody changes in place."""
    shutil.copytree(original, workspace.path, copy_function=os.link, dirs_exist_ok=True)
    return workspace


@contextmanager
def stuck(made: Workspace, environment: Mapping[str, str], *command: str) -> Iterator[int]:
    """Start a run that cannot end, since nobody reads its events; lends its process ID.

    It has begun to write when this returns.
    """
    reader, writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, SMALLEST_PIPE)
    process = subprocess.Popen(
        [sys.executable, "-m", "desync_jobs", *command, "--events", "-", "-n", "2"],
        cwd=made.path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        start_new_session=True,
    )
    os.close(writer)
    try:
        until_full(reader)
        yield process.pid
    finally:
        process.kill()
        process.wait()
        os.close(reader)


def until_full(reader: int) -> None:
    """Return when a pipe holds so much that the next line does not fit."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        waiting = int.from_bytes(fcntl.ioctl(reader, 0x541B, bytes(4)), "little")  # FIONREAD
        if waiting > SMALLEST_PIPE - 200:
            return
        time.sleep(0.01)
    pytest.fail("the run has not begun")


@pytest.mark.parametrize("name", COMMANDS)
def test_of_two_runs_with_one_target_the_second_ends_with_7(
    made: Workspace, desync_run: Run, environment: Mapping[str, str], name: str
) -> None:
    command, target = COMMANDS[name]
    with stuck(made, environment, *command) as winner:
        loser = desync_run(*command)
        before = sorted(os.listdir(made.path))
        os.kill(winner, signal.SIGKILL)
    after_the_kill = desync_run(*command)
    locked = made / (target if name == "extract in place" else f".{target}.desync-run.tmp")

    assert loser.returncode == 7
    assert loser.stderr.decode() == (
        f"desync-run: {locked} is locked: another run is writing this target\n"
    )
    assert locked.name in before
    assert (after_the_kill.returncode, after_the_kill.stderr) == (0, b"")
    assert sorted(os.listdir(made.path)) == ["blob", "blob.caibx", "copy", "store"]
    assert (made / "copy").read_bytes() == BLOB


@pytest.mark.parametrize(
    ("first", "second"), [("extract in place", "extract"), ("extract", "extract in place")]
)
def test_to_replace_a_target_and_to_change_it_exclude_each_other(
    made: Workspace, desync_run: Run, environment: Mapping[str, str], first: str, second: str
) -> None:
    if first == "extract":
        (made / "copy").write_bytes(b"old")
    with stuck(made, environment, *COMMANDS[first][0]):
        loser = desync_run(*COMMANDS[second][0])
    after_the_kill = desync_run(*COMMANDS[second][0])

    assert loser.returncode == 7
    assert loser.stderr.decode() == (
        f"desync-run: {made / 'copy'} is locked: another run is writing this target\n"
    )
    assert (after_the_kill.returncode, after_the_kill.stderr) == (0, b"")
    assert (made / "copy").read_bytes() == BLOB


def test_a_target_that_another_run_makes_and_changes_meanwhile_is_not_replaced(
    made: Workspace,
) -> None:
    fields = {"index": "blob.caibx", "target": "copy", "stores": ["store"]}
    with ExitStack() as opened:

        def make_and_lock() -> None:
            file = opened.enter_context((made / "copy").open("wb"))
            fcntl.flock(file, fcntl.LOCK_EX)

        begun = How(reporter=Once(PhaseStarted, make_and_lock))
        ended = made.do("extract", begun, **fields)

    assert ended.result.exit_code == 7
    assert ended.message == f"{made / 'copy'} is locked: another run is writing this target"
    assert (made / "copy").read_bytes() == b""
    assert made.do("extract", **fields).summary == (0, "done")


def test_a_target_that_is_replaced_before_it_is_locked_is_not_changed(
    made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plainly = fcntl.flock

    def replaced(fd: int, how: int) -> None:
        (made / "new").write_bytes(b"new")
        (made / "new").rename(made / "copy")
        plainly(fd, how)

    (made / "copy").write_bytes(b"old")
    monkeypatch.setattr(fcntl, "flock", replaced)
    fields = {"index": "blob.caibx", "target": "copy", "stores": ["store"], "in_place": True}
    ended = made.do("extract", **fields)

    assert ended.message == f"{made / 'copy'} changed after it was looked at; run again"
    assert (made / "copy").read_bytes() == b"new"


def test_of_two_runs_that_make_one_index_the_second_ends_with_7(
    workspace: Workspace, start: Start, desync_run: Run
) -> None:
    hidden = workspace / ".blob.caibx.desync-run.tmp"
    with start("make", "blob.caibx", "-") as winner:
        while not hidden.exists():
            time.sleep(0.01)
        loser = desync_run("make", "blob.caibx", "-", given=b"other")
        assert winner.stdin is not None
        winner.stdin.write(b"content")
        winner.stdin.close()
        code = winner.wait(60)
    made = (workspace / "blob.caibx").read_bytes()
    desync_run("make", "blob.caibx", "-", given=b"content")

    assert loser.returncode == 7
    assert loser.stderr.decode() == (
        f"desync-run: {hidden} is locked: another run is writing this target\n"
    )
    assert code == 0
    assert (workspace / "blob.caibx").read_bytes() == made
    assert not hidden.exists()


def test_the_winner_is_not_disturbed_by_the_loser(
    made: Workspace, desync_run: Run, environment: Mapping[str, str]
) -> None:
    command, _ = COMMANDS["extract"]
    hidden = made / ".copy.desync-run.tmp"
    with stuck(made, environment, *command):
        before = hidden.stat().st_ino
        desync_run(*command)
        after = hidden.stat().st_ino

    assert before == after


def test_runs_that_fill_one_store_at_once_all_succeed(
    made: Workspace, environment: Mapping[str, str]
) -> None:
    (made / "other").write_bytes(BLOB[2_000_000:] + ctr(2_000_000, b"other"))
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "desync_jobs", "make", "-s", "both", f"{number}.caibx", blob],
            cwd=made.path,
            env=environment,
            stderr=subprocess.PIPE,
        )
        for number, blob in enumerate(["blob", "other", "blob", "other"])
    ]
    said = [process.communicate(timeout=60)[1] for process in running]
    wanted = index_ids(made / "0.caibx") | index_ids(made / "1.caibx")

    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert said == [b"", b"", b"", b""]
    assert valid_ids(made / "both") == wanted
    assert temporary_files(made / "both") == []
    assert (made / "0.caibx").read_bytes() == (made / "2.caibx").read_bytes()
    assert made.do("verify", store="both").summary == (0, "done")


def test_a_locked_target_is_named_where_its_name_is_long(
    made: Workspace, desync_run: Run, tmp_path: Path
) -> None:
    name = "ü" * 127
    hidden = tmp_path / f".{os.fsdecode(name.encode()[:200])}.desync-run.tmp"
    with hidden.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        ended = desync_run("extract", "-s", "store", "blob.caibx", name)
    again = desync_run("extract", "-s", "store", "blob.caibx", name)

    assert ended.returncode == 7
    assert again.returncode == 0
    assert (made / name).read_bytes() == BLOB
    assert not hidden.exists()
