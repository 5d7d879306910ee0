"""Interrupting and terminating a run from outside."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import EXIT_INTERRUPTED, EXIT_TERMINATED

_EXIT_CODES: Final = {"SIGINT": EXIT_INTERRUPTED, "SIGTERM": EXIT_TERMINATED}
_SHOW_CURSOR: Final = b"\x1b[?25h"


@contextmanager
def cancelling(cancel: Cancel) -> Iterator[None]:
    """While inside, let SIGINT and SIGTERM stop the run in good order.

    The first signal asks `cancel` to stop. A second one, of either kind, ends
    the process at once with the exit code of the first: temporary files stay,
    nothing incomplete has been published, and what is mounted is taken away. SIGHUP keeps its
    own meaning.
    """
    first: list[str] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if first:
            cancel.leave()
            _leave_at_once(_EXIT_CODES[first[0]])
        first.append(signal.Signals(number).name)
        cancel.stop(first[0])

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_at_once(exit_code: int) -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)  # the progress bar had hidden it
    os._exit(exit_code)
