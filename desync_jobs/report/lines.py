"""A line for every operation that has ended, and one for the run: the result as people read it."""

from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from types import MappingProxyType
from typing import Final

from desync_jobs.report.deeds import deed
from desync_jobs.report.events import Event, RunFinished, StepFinished
from desync_jobs.report.words import counted, in_seconds

_STATUS_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "done": "done",
        "unchanged": "with nothing to do",
        "failed": "failed",
        "skipped": "skipped",
        "interrupted": "interrupted",
    }
)


class LineReporter:
    """Says what became of each operation when it ends, and counts them at the end."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` shows one line of text; it must be safe to call from many threads."""
        self._say = say
        self._lock = Lock()
        self._statuses: Counter[str] = Counter()

    def emit(self, event: Event) -> None:
        with self._lock:
            match event:
                case StepFinished():
                    self._statuses[event.status] += 1
                    self._say(_step_line(event))
                case RunFinished():
                    self._say(self._closing_line(event))
                case _:
                    pass

    def close(self) -> None:
        """Have nothing to release."""

    def _closing_line(self, event: RunFinished) -> str:
        counts = ", ".join(
            f"{self._statuses[status]} {words}"
            for status, words in _STATUS_WORDS.items()
            if self._statuses[status]
        )
        total = counted(self._statuses.total(), "operation")
        return f"{total}: {counts or 'none was begun'}; {in_seconds(event.seconds)} in all"


def _step_line(event: StepFinished) -> str:
    return f"{event.operation}: {_outcome(event)} ({in_seconds(event.seconds)})"


def _outcome(event: StepFinished) -> str:
    match event.status:
        case "done":
            return deed(event.kind, event.statistics)
        case "unchanged" if event.statistics:
            return "nothing to do: the result was there already"
        case "unchanged":
            return _with_reason("nothing to do", event.reason)
        case "failed" if event.statistics:
            return _with_reason("failed", deed(event.kind, event.statistics))
        case "skipped":
            return _with_reason("skipped", event.reason)
        case status:
            return status  # why an operation failed is an error message, not a line here


def _with_reason(outcome: str, reason: str) -> str:
    return f"{outcome}: {reason}" if reason else outcome
