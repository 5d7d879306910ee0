"""The one place where an exception becomes a message and an exit code."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, Final

import click

from desync_jobs.cli.output import flush_output
from desync_jobs.errors import (
    EXIT_DEFECT,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    DesyncRunError,
)

PROGRAM: Final = "desync-run"


def guarded(action: Callable[[], Any]) -> int:
    """Do `action` and return its exit code, whatever happens in it.

    An action that returns no integer ends with 0. Standard output is flushed
    here, so that data which could not be written is never reported as written.
    """
    try:
        code = action()
        flush_output()
    except SystemExit as exit_request:  # click's completion of a shell's command line
        return exit_request.code if isinstance(exit_request.code, int) else 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- this is the last catcher
        return _explained(error)
    return code if isinstance(code, int) else 0


def complain(message: str) -> None:
    """Write a message to standard error, each of its lines after the program's name."""
    lines = "".join(f"{PROGRAM}: {line}\n" for line in message.splitlines() or [""])
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(lines)
        sys.stderr.flush()
    except OSError:
        # Nobody can be told; the exit code still says it.
        return


def _explained(error: BaseException) -> int:
    for kind, explain in _EXPLANATIONS:
        if isinstance(error, kind):
            return explain(error)
    return _explain_defect(error)


def _explain_known(error: Any) -> int:
    complain(str(error))
    return int(error.exit_code)


def _explain_usage(error: Any) -> int:
    message = error.format_message().rstrip(".")
    complain(
        message[:1].lower() + message[1:]
    )  # click begins with a capital, this program does not
    if error.ctx is not None:
        complain(f"see '{error.ctx.command_path} --help'")
    return EXIT_USAGE


def _explain_click(error: Any) -> int:
    complain(error.format_message())
    return EXIT_FAILED


def _explain_interrupt(_error: Any) -> int:
    complain("interrupted")
    return EXIT_INTERRUPTED


def _explain_broken_pipe(_error: Any) -> int:
    """Stay silent: who read the output has seen enough, as in `desync-run … | head`."""
    if sys.stdout is not None:
        # What is still buffered would fail again when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return EXIT_FAILED


def _explain_defect(error: BaseException) -> int:
    sys.stderr.write("".join(traceback.format_exception(error)))
    complain("this is a defect of desync-run, please report it with the lines above")
    return EXIT_DEFECT


_EXPLANATIONS: Final = (
    (DesyncRunError, _explain_known),
    (click.UsageError, _explain_usage),
    (click.ClickException, _explain_click),
    (BrokenPipeError, _explain_broken_pipe),
    ((KeyboardInterrupt, click.Abort), _explain_interrupt),
)
