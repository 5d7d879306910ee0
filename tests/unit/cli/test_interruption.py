import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess, Popen

import pytest

Run = Callable[..., CompletedProcess[bytes]]
Start = Callable[..., Popen[bytes]]


def begun(start: Start) -> Popen[bytes]:
    """A run that waits for the rest of its standard input."""
    process = start("make", "blob.caibx", "-", "--events", "-")
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "step-started":
            return process
    pytest.fail("the run ended before it began")


@pytest.mark.parametrize(
    ("number", "code", "name"), [(signal.SIGINT, 130, b"SIGINT"), (signal.SIGTERM, 143, b"SIGTERM")]
)
def test_a_signal_ends_a_run_in_good_order(
    start: Start, tmp_path: Path, number: signal.Signals, code: int, name: bytes
) -> None:
    with begun(start) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.send_signal(number)
        # Its input stays open: at the end of that it may well be done before it hears the signal.
        written, said = process.stdout.read(), process.stderr.read()
    last = json.loads(written.splitlines()[-1])

    assert process.returncode == code
    assert said == b"desync-run: stopped by " + name + (
        b"; what was published before is complete\n"
    )
    assert (last["event"], last["exit_code"]) == ("run-finished", code)
    assert list(tmp_path.iterdir()) == []


def test_a_hangup_ends_a_run_as_it_ends_other_programs(start: Start) -> None:
    with begun(start) as process:
        process.send_signal(signal.SIGHUP)
        code = process.wait(timeout=60)

    assert code == -signal.SIGHUP


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_is_not_read_to_its_end_is_no_error_to_speak_of(
    start: Start, desync_run: Run, tmp_path: Path, unbuffered: str
) -> None:
    (tmp_path / "blob").write_bytes(b"\x01" * 10_000_000)
    desync_run("make", "blob.caibx", "blob", "-m", "1:1:1")
    with start("list-chunks", "blob.caibx", PYTHONUNBUFFERED=unbuffered) as process:
        assert process.stdout is not None
        process.stdout.read(65)
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()

    assert (process.returncode, said) == (1, b"")


def test_output_that_does_not_fit_is_an_error(
    desync_run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "blob").write_bytes(b"\x01" * 100_000)
    desync_run("make", "blob.caibx", "blob")
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "desync_jobs", "list-chunks", "blob.caibx"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment,
            check=False,
        )

    assert ended.returncode == 1
    assert ended.stderr == (
        b"desync-run: standard output cannot be written: No space left on device\n"
    )
