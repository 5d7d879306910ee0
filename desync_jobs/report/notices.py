"""Warnings as lines, for people who read standard error."""

from collections.abc import Callable

from desync_jobs.report.events import Event, Warned


class NoticeReporter:
    """Says every `Warned` event in one line and keeps silent about the rest."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` shows one line of text; it must be safe to call from many threads."""
        self._say = say

    def emit(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._say(f"warning: {event.operation}: {event.message}")

    def close(self) -> None:
        """Have nothing to release."""
