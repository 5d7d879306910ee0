"""Signals at moments of a run that a random one would seldom hit."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.report.events import Event, PhaseAdvanced
from desync_jobs.stores.base import StoredEntry
from desync_jobs.stores.local import LocalStore
from tests.vectors.inputs import ctr
from tests.workspace import How, Workspace

Run = Callable[..., subprocess.CompletedProcess[bytes]]
Start = Callable[..., subprocess.Popen[bytes]]

GIB = 1 << 30
EITHER = (130, 143)
"""Of two signals that are pending when a process goes on, the system says none to be the first."""
STOPPED = "stopped by SIGINT; what was published before is complete"

BEFORE_AND_AFTER = """
import signal, sys
import desync_jobs.cli.main as entry
entry.main = lambda: signal.raise_signal(signal.Signals[sys.argv[1]])
entry.process()
"""


@dataclass
class StopAtFirstAdvance:
    """A reporter that stops the run as soon as some of a phase is done."""

    cancel: Cancel
    phase: str

    def emit(self, event: Event) -> None:
        if isinstance(event, PhaseAdvanced) and event.phase == self.phase:
            self.cancel.stop("SIGINT")

    def close(self) -> None:
        """Have nothing to release."""


def stopping_in(phase: str) -> How:
    cancel = Cancel()
    return How(cancel=cancel, reporter=StopAtFirstAdvance(cancel, phase))


def zeros(path: Path, size: int) -> None:
    """Make a file of zeros that takes no room."""
    with path.open("wb") as file:
        file.truncate(size)


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_outside_a_run_a_signal_ends_the_process_without_a_word(
    environment: Mapping[str, str], name: str, code: int
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BEFORE_AND_AFTER, name],
        env=environment,
        capture_output=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (code, b"", b"")


def test_a_second_signal_ends_a_run_at_once_and_leaves_its_files_to_the_next(
    start: Start, desync_run: Run, tmp_path: Path
) -> None:
    with start("make", "blob.caibx", "-") as process:
        until((tmp_path / ".blob.caibx.desync-run.tmp").exists)
        # Both are pending when it goes on, so the second comes before the first has any effect.
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            process.send_signal(number)
        code = process.wait(10)
        assert process.stderr is not None
        said = process.stderr.read()
    left = os.listdir(tmp_path)
    desync_run("make", "blob.caibx", "-", given=b"content")

    assert code in EITHER
    assert said == b""
    assert left == [".blob.caibx.desync-run.tmp"]
    assert os.listdir(tmp_path) == ["blob.caibx"]


def test_a_second_signal_leaves_no_command_behind_that_prints_a_secret(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "job.toml").write_text(ASKING)
    (tmp_path / "ask").write_text("(echo begun > child; exec sleep 60) & echo $$ > asked; wait")
    with start("run", "job.toml") as process:
        until(lambda: (tmp_path / "asked").exists() and (tmp_path / "asked").read_text() != "")
        until((tmp_path / "child").exists)
        group = int((tmp_path / "asked").read_text())
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            process.send_signal(number)
        code = process.wait(10)

    assert code in EITHER
    until(lambda: not alive(group))


ASKING = """
version = 1

[stores.far]
url = "http://127.0.0.1:9/"
http_auth = { command = ["sh", "ask"] }

[operations.store]
kind = "make"
blob = "ask"
index = "ask.caibx"
store = "far"
"""


def alive(group: int) -> bool:
    """Whether any process of a group runs: what ended and waits for its parent does not."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            state, _, of, *_ = status.read_text().rpartition(")")[2].split()
            if int(of) == group and state not in "ZX":
                return True
    return False


def until(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def examined(workspace: Workspace) -> Sequence[tuple[str, ...]]:
    """Prepare a large blob whose index and copy are there; returns commands that examine them."""
    zeros(workspace / "blob", GIB)
    ended = workspace.do("make", index="blob.caibx", blob="blob", store="store")
    assert ended.summary == (0, "done")
    (workspace / "plan.toml").write_text(
        'version = 1\n[operations.a]\nkind = "make"\nblob = "blob"\nindex = "blob.caibx"\n',
        encoding="utf-8",
    )
    return (
        ("make", "blob.caibx", "blob", "-s", "store"),
        ("extract", "blob.caibx", "blob", "-s", "store"),
        ("extract", "-k", "blob.caibx", "blob", "-s", "store"),
        ("plan", "plan.toml"),
    )


def test_a_signal_ends_a_run_while_it_looks_at_what_is_there(
    start: Start, workspace: Workspace
) -> None:
    for command in examined(workspace):
        # On a busy machine a run may be at its end before it is told: then it was not tried.
        tries = (stopped_while_examining(start, workspace / "events", command) for _ in range(30))
        code, written, said = next((one for one in tries if one[0] != 0), (0, b"", b""))

        assert (code, written) == (130, b""), command
        assert said == f"desync-run: {STOPPED}\n".encode(), command


def stopped_while_examining(
    start: Start, events: Path, command: Sequence[str]
) -> tuple[int, bytes, bytes]:
    """Return the exit code and both outputs of a run that gets SIGINT as soon as it examines."""
    with start(*command, "--events", str(events)) as process:
        until(lambda: is_examining(events))
        process.send_signal(signal.SIGINT)
        written, said = process.communicate(timeout=10)
    events.unlink()
    return process.returncode, written, said


def is_examining(events: Path) -> bool:
    return events.exists() and b'"phase": "examining"' in events.read_bytes()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("make", {"index": "blob.caibx", "blob": "blob", "chunk_size": "2KiB:8KiB:32KiB"}),
        ("extract", {"index": "blob.caibx", "target": "blob", "stores": ["store"]}),
    ],
)
def test_a_run_stopped_while_it_examines_has_done_nothing(
    workspace: Workspace, kind: str, fields: Mapping[str, object]
) -> None:
    workspace.make("blob", ctr(300_000))
    before = os.stat(workspace / "blob.caibx").st_mtime_ns
    ended = workspace.do(kind, stopping_in("examining"), **fields)

    assert ended.summary == (130, "interrupted")
    assert ended.message == STOPPED
    assert os.stat(workspace / "blob.caibx").st_mtime_ns == before


@pytest.mark.parametrize("in_place", [False, True])
def test_a_run_stopped_at_its_last_batch_publishes_nothing(
    workspace: Workspace, in_place: bool
) -> None:
    workspace.make("blob", ctr(60_000))
    fields = {"index": "blob.caibx", "stores": ["store"], "in_place": in_place}
    ended = workspace.do("extract", stopping_in("assembling"), target="copy", **fields)

    assert ended.summary == (130, "interrupted")
    assert (workspace / "copy").exists() == in_place


def test_a_run_stopped_before_it_has_a_plan_is_interrupted(workspace: Workspace) -> None:
    workspace.make("blob", ctr(300_000))
    cancel = Cancel()
    cancel.stop("SIGTERM")
    ended = workspace.do("verify", How(cancel=cancel), store="store")

    assert ended.summary == (143, "interrupted")


def test_a_run_stopped_while_it_lists_a_store_lists_no_further(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.make("blob", ctr(300_000))
    cancel = Cancel()
    listed: list[StoredEntry] = []
    entries = LocalStore.entries

    def stopping(store: LocalStore) -> Iterator[StoredEntry]:
        for entry in entries(store):
            listed.append(entry)
            cancel.stop("SIGINT")
            yield entry

    monkeypatch.setattr(LocalStore, "entries", stopping)
    ended = workspace.do("verify", How(cancel=cancel), store="store")

    assert ended.summary == (130, "interrupted")
    assert len(listed) == 1


def test_a_process_that_cannot_say_its_version_has_failed(environment: Mapping[str, str]) -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "desync_jobs", "--version"],
            env=environment,
            stdout=full,
            check=False,
        )

    assert ended.returncode == 1
