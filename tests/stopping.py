"""Stopping a run at a moment that its events tell."""

from collections.abc import Callable

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.report.events import Event


class Stopper:
    """A reporter that stops the run when it is told of such an event."""

    def __init__(self, cancel: Cancel, when: Callable[[Event], bool]) -> None:
        self._cancel = cancel
        self._when = when

    def emit(self, event: Event) -> None:
        if self._when(event):
            self._cancel.stop("SIGINT")

    def close(self) -> None:
        """Have nothing to release."""
