"""The one way to stop a run: a token that workers look at between batches.

A signal handler calls `stop`; the next look raises `InterruptedRunError` in
whichever thread looks first, and the run unwinds as for any other error, so
nothing incomplete is ever published. Threads that work for one caller can be called off by
themselves (`CallOff`), which no other thread notices.
"""

import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from desync_jobs.errors import AbandonedError, InterruptedRunError

_LOOK_AGAIN: Final = 100
"""Milliseconds between two looks while there is nothing to read."""


@dataclass(slots=True)
class CallOff:
    """Whether what some threads do for one caller is wanted no more."""

    called: bool = False


class Cancel:
    """Set at most once, from any thread or a signal handler."""

    def __init__(self) -> None:
        self._error: Callable[[], InterruptedRunError] | None = None
        self._threads = threading.local()
        self._last: list[Callable[[], None]] = []

    @contextmanager
    def heeding(self, off: CallOff) -> Iterator[None]:
        """While inside, `check` and `pause` of this thread raise `AbandonedError` once off.

        May be nested: being called off from outside counts inside as well.
        """
        outer: tuple[CallOff, ...] = getattr(self._threads, "offs", ())
        self._threads.offs = (*outer, off)
        try:
            yield
        finally:
            self._threads.offs = outer

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

    @contextmanager
    def before_leaving(self, do: Callable[[], None]) -> Iterator[None]:
        """While inside, have `do` done where the process ends at once: it must be quick."""
        self._last.append(do)
        try:
            yield
        finally:
            self._last.remove(do)

    def leave(self) -> None:
        """Do what has to be done before the process ends at once, whether it succeeds or not."""
        for do in tuple(self._last):
            with suppress(Exception):
                do()

    def check(self) -> None:
        """Raise `InterruptedRunError` if somebody asked to stop, `AbandonedError` if called off."""
        if self._error is not None:
            raise self._error()
        if any(off.called for off in getattr(self._threads, "offs", ())):
            raise AbandonedError

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
