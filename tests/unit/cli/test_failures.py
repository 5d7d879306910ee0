import io
import os
import sys
from collections.abc import Callable
from typing import NoReturn

import click
import pytest

from desync_jobs.cli.failures import complain, guarded
from desync_jobs.errors import (
    ChunkMissingError,
    DesyncRunError,
    InterruptedRunError,
    LockedError,
    ManifestError,
    Problem,
    TargetError,
    UsageError,
)


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def action() -> NoReturn:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TargetError("no space"), 1),
        (ChunkMissingError(b"\x00" * 32, "a"), 5),
        (UsageError("no such thing"), 64),
        (LockedError("somebody else"), 7),
        (InterruptedRunError("SIGINT"), 130),
        (InterruptedRunError("SIGTERM"), 143),
    ],
)
def test_a_known_error_is_a_message_and_its_exit_code(
    error: DesyncRunError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = guarded(raising(error))

    assert ended == code
    assert capsys.readouterr().err == f"desync-run: {error}\n"


def test_every_problem_of_a_manifest_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [Problem(("stores", "a", "url"), "is missing"), Problem((), "no operations")]
    ended = guarded(raising(ManifestError("job.toml", problems)))

    assert ended == 64
    assert capsys.readouterr().err == (
        "desync-run: job.toml: stores.a.url: is missing\ndesync-run: job.toml: no operations\n"
    )


def test_a_wrong_command_line_ends_with_64(capsys: pytest.CaptureFixture[str]) -> None:
    context = click.Context(click.Command("make"), info_name="desync-run make")
    ended = guarded(raising(click.UsageError("No such option: --fast.", context)))

    assert ended == 64
    assert capsys.readouterr().err == (
        "desync-run: no such option: --fast\ndesync-run: see 'desync-run make --help'\n"
    )


def test_an_unexpected_error_is_a_defect_with_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = guarded(raising(ZeroDivisionError("division by zero")))
    text = capsys.readouterr().err

    assert ended == 70
    assert text.startswith("Traceback (most recent call last):\n")
    assert "ZeroDivisionError: division by zero\n" in text
    assert text.endswith("this is a defect of desync-run, please report it with the lines above\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_ends_with_130(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = guarded(raising(error))

    assert ended == 130
    assert capsys.readouterr().err == "desync-run: interrupted\n"


def test_output_that_nobody_reads_any_more_is_no_reason_to_complain(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = io.TextIOWrapper(io.BufferedWriter(io.FileIO(writer, "w")))
    monkeypatch.setattr(sys, "stdout", stream)
    stream.write("data")
    ended = guarded(lambda: 0)
    stream.close()

    assert ended == 1
    assert capfd.readouterr().err == ""


def test_output_that_does_not_fit_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w", encoding="utf-8", buffering=1 << 16) as full:
        monkeypatch.setattr(sys, "stdout", full)
        full.write("data")
        ended = guarded(lambda: 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())

    assert ended == 1
    assert capfd.readouterr().err == (
        "desync-run: cannot write to standard output: No space left on device\n"
    )


@pytest.mark.parametrize(("returned", "code"), [(3, 3), (None, 0), (SystemExit(2), 2)])
def test_an_action_that_ends_by_itself_keeps_its_code(returned: object, code: int) -> None:
    def action() -> object:
        if isinstance(returned, SystemExit):
            raise returned
        return returned

    assert guarded(action) == code


def test_complaining_where_nobody_listens_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)

    complain("nobody reads this")
