"""The entry point of `desync-run`."""

import gc
import os
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn

from desync_jobs._version import __version__

PROGRAM: Final = "desync-run"
_SIGNALLED: Final = 128
"""What shells add to a signal's number for the exit code of a program that it ended."""


def process() -> NoReturn:
    """Be a process of its own: carry out its command line, and exit.

    Before a run and after it there is nothing to unwind: SIGINT and SIGTERM end the process at once
    and without a word, whatever it is importing or printing. At the end nothing is taken apart that
    the kernel frees anyway, which would take longer than many a command.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    # What imports make stays; looking for garbage in it takes a twentieth of the start-up.
    gc.disable()
    code = 1
    try:
        _allow_open_files()
        code = main()
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        code = code or 1  # nobody takes the output
    os._exit(code)


def _allow_open_files() -> None:
    """Have as many files open as the system lets this process have.

    The lower limit that processes begin with is for those that use `select(2)`; here nothing does.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _leave(number: int, _frame: FrameType | None) -> None:
    os._exit(_SIGNALLED + number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line and return its exit code.

    `arguments` are those after the program's name; `sys.argv` without them.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"] and sys.stdout is not None:
        # Answered without click, whose import takes longer than everything else here.
        sys.stdout.write(f"{PROGRAM} {__version__}\n")
        return 0
    # Looking for plugins of pydantic reads the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # NumPy's linear algebra, which nothing here uses, starts a spinning thread for each core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from desync_jobs.cli.failures import guarded
    from desync_jobs.cli.group import command_line

    return guarded(
        lambda: command_line.main(given, PROGRAM, "_DESYNC_RUN_COMPLETE", standalone_mode=False)
    )
