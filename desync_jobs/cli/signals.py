"""Interrupting and terminating a run from outside.

Handlers of Python run in the main thread, and only when it gets on: a signal that another thread
was given, as happens to a process that was stopped, would wait for as long as the main thread waits
for its workers. So the numbers of signals are written to a pipe (`signal.set_wakeup_fd`, in
whichever thread the system chose), and a thread of its own does what they ask. An event loop of
uvloop has a pipe of its own there while it runs, and calls handlers at once.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from types import FrameType
from typing import Final

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import EXIT_INTERRUPTED, EXIT_TERMINATED

_EXIT_CODES: Final = {signal.SIGINT: EXIT_INTERRUPTED, signal.SIGTERM: EXIT_TERMINATED}
_SHOW_CURSOR: Final = b"\x1b[?25h"
_AT_ONCE: Final = 64


@contextmanager
def cancelling(cancel: Cancel) -> Iterator[None]:
    """While inside, let SIGINT and SIGTERM stop the run in good order.

    The first signal asks `cancel` to stop. A second one, of either kind, ends
    the process at once with the exit code of the first: temporary files stay,
    nothing incomplete has been published, and what is mounted is taken away. SIGHUP keeps its
    own meaning. Is entered in the main thread.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(writing, False)
    listener = Thread(target=_listen, args=(reading, cancel), name="signals", daemon=True)
    listener.start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def heard(number: int, _frame: FrameType | None) -> None:
        told = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        if told != writing:
            signal.set_wakeup_fd(told)
            os.write(writing, bytes([number]))

    handlers = {number: signal.signal(number, heard) for number in _EXIT_CODES}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(writing)
        listener.join()
        os.close(reading)


def _listen(reading: int, cancel: Cancel) -> None:
    first: signal.Signals | None = None
    while numbers := os.read(reading, _AT_ONCE):
        for number in map(signal.Signals, numbers):
            if number not in _EXIT_CODES:
                continue
            if first is not None:
                cancel.leave()
                _leave_at_once(_EXIT_CODES[first])
            first = number
            cancel.stop(number.name)


def _leave_at_once(exit_code: int) -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)  # the progress bar had hidden it
    os._exit(exit_code)
