"""Input that does not come must not keep a run from being stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from desync_jobs.core.sizes import DEFAULT_SIZES
from desync_jobs.formats.index_layout import index_header

Start = Callable[..., subprocess.Popen[bytes]]

PROMPTLY = 10
"""Seconds: many times what unwinding takes, and still an end."""
# Begins like an index, so that those who read one go on reading.
MORE_THAN_A_PIPE_HOLDS = index_header(0xB000000000000000, DEFAULT_SIZES) + bytes(300_000)

READERS = {
    "make": ("make", "blob.caibx", "-"),
    "make with a store": ("make", "-s", "store", "blob.caibx", "-"),
    "chunk": ("chunk", "-"),
    "chunk from a place on": ("chunk", "-S", "1000000000", "-"),
    "digest": ("digest", "-"),
    "info": ("info", "-"),
    "list-chunks": ("list-chunks", "-"),
    "extract": ("extract", "-s", "store", "-", "blob"),
    "tar": ("tar", "--input-format=tar", "a.catar", "-"),
    "cat": ("cat", "-s", "store", "-"),
}


def stopped_by(
    process: subprocess.Popen[bytes], number: signal.Signals
) -> tuple[int, bytes, bytes]:
    """Signal a process whose input stays open; returns its exit code and what it wrote."""
    process.send_signal(number)
    code = process.wait(PROMPTLY)
    assert process.stdout is not None
    assert process.stderr is not None
    return code, process.stdout.read(), process.stderr.read()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
@pytest.mark.parametrize("reader", READERS)
def test_a_signal_ends_a_run_whose_pipe_stays_open(
    start: Start, tmp_path: Path, reader: str, number: signal.Signals, code: int
) -> None:
    process = start(*READERS[reader])
    with process:
        assert process.stdin is not None
        # Returns when most of it was taken, so the run has begun to read.
        process.stdin.write(MORE_THAN_A_PIPE_HOLDS)
        process.stdin.flush()
        ended = stopped_by(process, number)
        process.stdin.close()

    assert ended == (
        code,
        b"",
        f"desync-run: stopped by {number.name}; what was published before is complete\n".encode(),
    )
    assert [path.name for path in tmp_path.iterdir() if path.name != "store"] == []


def test_a_signal_ends_a_run_whose_named_pipe_nobody_writes(start: Start, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with start("make", "blob.caibx", "pipe") as process:
        until_open(process, tmp_path / "pipe")
        code, _, _ = stopped_by(process, signal.SIGINT)

    assert code == 130
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_named_pipe_is_read_from_its_first_writer_to_its_last(
    start: Start, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with start("digest", "pipe") as process:
        until_open(process, tmp_path / "pipe")
        with open(tmp_path / "pipe", "wb") as writer, open(tmp_path / "pipe", "wb") as other:
            writer.write(b"ab")
            writer.close()
            other.write(b"c")
        written, said = process.communicate(timeout=PROMPTLY)

    assert (process.returncode, said) == (0, b"")
    assert written == b"53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23\n"


def until_open(process: subprocess.Popen[bytes], path: Path) -> None:
    """Return when `process` has opened the file at `path`."""
    deadline = time.monotonic() + 30
    folder = f"/proc/{process.pid}/fd"
    while time.monotonic() < deadline:
        if any(target(folder, name) == os.fspath(path) for name in os.listdir(folder)):
            return
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"{path} was not opened")


def target(folder: str, name: str) -> str:
    try:
        return os.readlink(os.path.join(folder, name))
    except FileNotFoundError:
        return ""
