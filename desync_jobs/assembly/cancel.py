"""The one way to stop a run: a token that workers look at between batches.

A signal handler calls `stop`; the next look raises `InterruptedRunError` in
whichever thread looks first, and the run unwinds as for any other error, so
nothing incomplete is ever published.
"""

import select
import time
from collections.abc import Callable
from typing import Final

from desync_jobs.errors import InterruptedRunError

_LOOK_AGAIN: Final = 100
"""Milliseconds between two looks while there is nothing to read."""


class Cancel:
    """Set at most once, from any thread or a signal handler."""

    def __init__(self) -> None:
        self._error: Callable[[], InterruptedRunError] | None = None

    def stop(self, signal_name: str) -> None:
        """Ask the run to stop; what asks first is what is reported."""
        self.stop_with(lambda: InterruptedRunError(signal_name))

    def stop_with(self, error: Callable[[], InterruptedRunError]) -> None:
        """Ask the run to stop; `error` makes what is raised, anew in each thread."""
        if self._error is None:
            self._error = error

    @property
    def stopped(self) -> bool:
        """Whether somebody asked."""
        return self._error is not None

    def check(self) -> None:
        """Raise `InterruptedRunError` if somebody asked to stop."""
        if self._error is not None:
            raise self._error()

    def pause(self, seconds: float) -> None:
        """Return after `seconds`; `InterruptedRunError` as soon as somebody asks to stop."""
        end = time.monotonic() + seconds
        self.check()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_AGAIN / 1000))
            self.check()

    def wait_for(self, fd: int) -> None:
        """Return when a read of `fd` has an answer; `InterruptedRunError` if asked to stop.

        A pipe may stay silent for ever, and a blocked read goes on where the handler of a signal
        has returned (PEP 475). Files and devices always have an answer.
        """
        waiting = select.poll()
        waiting.register(fd, select.POLLIN)
        while not waiting.poll(_LOOK_AGAIN):
            self.check()
