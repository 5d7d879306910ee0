"""One progress bar for a whole run, on a terminal.

The bar has one total, the bytes of work of every step known so far, and what is
done of it only grows. It appears only when a run lasts longer than a moment, so
short runs print nothing and do not pay for importing rich.
"""

import threading
from typing import TYPE_CHECKING, Final, TextIO

from desync_jobs.report.events import (
    Event,
    PhaseAdvanced,
    PhaseStarted,
    RunStarted,
    StepStarted,
    TotalChanged,
)
from desync_jobs.report.words import in_bytes

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE: Final = 1.0
"""Seconds of work before the bar appears."""


class ConsoleReporter:
    """Shows operation, phase, share done, rate and time left on `stream`."""

    def __init__(self, stream: TextIO, patience: float = PATIENCE) -> None:
        self._stream = stream
        self._lock = threading.RLock()
        self._total = 0
        self._done = 0
        self._label = ""
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._closed = False
        self._timer = threading.Timer(patience, self._appear)
        self._timer.daemon = True
        self._timer.start()

    def emit(self, event: Event) -> None:
        with self._lock:
            match event:
                case RunStarted() | TotalChanged():
                    self._total = event.total_bytes
                case StepStarted():
                    self._label = event.operation
                case PhaseStarted():
                    self._label = f"{event.operation}: {event.phase}"
                case PhaseAdvanced():
                    self._done += event.work
                case _:
                    return
            self._show()

    def say(self, line: str) -> None:
        """Write a line of text above the bar."""
        with self._lock:
            if self._progress is None:
                self._stream.write(line + "\n")
                self._stream.flush()
            else:
                self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take the bar away and release the terminal."""
        self._timer.cancel()
        with self._lock:
            self._closed = True
            if self._progress is not None:
                self._progress.stop()
                self._progress = None

    def _appear(self) -> None:
        progress = _new_progress(self._stream)  # outside the lock: importing rich takes a while
        with self._lock:
            if self._closed:
                return
            self._task = progress.add_task("")
            self._progress = progress
            self._show()
            progress.start()

    def _show(self) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(
                self._task,
                description=self._label,
                # The total may be an estimate; the bar stops at its end.
                completed=min(self._done, self._total),
                total=self._total or None,
            )


def _new_progress(stream: TextIO) -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RateColumn(ProgressColumn):
        """Bytes a second in binary units, like the sizes beside them; rich has decimal ones."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{in_bytes(round(speed))}/s" if speed else "", style="progress.data.speed")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(binary_units=True),
        RateColumn(),
        TimeRemainingColumn(),
        console=Console(file=stream, force_terminal=True),
        transient=True,
        # Standard output may carry the data of an operation, and is nobody's to redirect.
        redirect_stdout=False,
        redirect_stderr=False,
    )
