"""Progress as lines that programs written for desync read.

With `DESYNC_ENABLE_PARSABLE_PROGRESS` set to anything, desync writes
`<prefix> <percentage>% <remaining time>` for each phase to standard error,
twice a second, and an empty line when the phase has ended. The prefixes here
are desync's, so that those programs go on working; a phase that desync does
not show has an empty prefix, as desync's own unnamed phases have.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from desync_jobs.report.events import (
    Event,
    PhaseAdvanced,
    PhaseStarted,
    StepFinished,
    StepStarted,
)

INTERVAL: Final = 0.5
"""Seconds between two lines of one phase; desync's value."""

_PREFIXES: Final = MappingProxyType(
    {
        ("make", "chunking"): "Chunking ",
        ("make", "storing"): "Storing ",
        ("extract", "assembling"): "Attempt 1: Assembling ",
    }
)
_MINUTE: Final = 60
_HOUR: Final = 3600


@dataclass
class _Phase:
    prefix: str
    total: int
    started: float
    done: int = 0

    def line(self, now: float) -> str:
        # A stream's size is unknown: none of it counts as done before the end.
        share = self.done / self.total if self.total else 0.0
        return f"{self.prefix} {100 * share:.2f}% {self._remaining(now)}".rstrip()

    def _remaining(self, now: float) -> str:
        elapsed = now - self.started
        if self.done == 0:
            return ""
        if self.done >= self.total:
            return in_clock_units(elapsed)  # a finished phase shows what it took
        return in_clock_units(elapsed * (self.total - self.done) / self.done)


class ParsableReporter:
    """Writes a line for every phase under way, every `INTERVAL` seconds, and one at its end."""

    def __init__(self, write: Callable[[str], None], interval: float = INTERVAL) -> None:
        """`write` shows one line of text and must not raise."""
        self._write = write
        self._interval = interval
        self._lock = threading.Lock()
        self._kinds: dict[str, str] = {}
        self._phases: dict[tuple[str, str], _Phase] = {}
        self._stopped = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="parsable-progress", daemon=True)
        self._ticker.start()

    def emit(self, event: Event) -> None:
        with self._lock:
            match event:
                case StepStarted():
                    self._kinds[event.operation] = event.kind
                case PhaseStarted():
                    self._end_phases(event.operation, complete=True)
                    self._begin(event)
                case PhaseAdvanced():
                    phase = self._phases.get((event.operation, event.phase))
                    if phase is not None:
                        phase.done = max(phase.done, min(event.done, phase.total))
                case StepFinished():
                    self._end_phases(event.operation, complete=event.status == "done")
                case _:
                    pass

    def close(self) -> None:
        """End what is under way and stop writing."""
        self._stopped.set()
        self._ticker.join()
        with self._lock:
            for operation, _ in list(self._phases):
                self._end_phases(operation, complete=False)

    def _begin(self, event: PhaseStarted) -> None:
        prefix = _PREFIXES.get((self._kinds.get(event.operation, ""), event.phase), "")
        phase = _Phase(prefix, event.total, time.monotonic())
        self._phases[event.operation, event.phase] = phase

    def _end_phases(self, operation: str, *, complete: bool) -> None:
        now = time.monotonic()
        for key in [key for key in self._phases if key[0] == operation]:
            phase = self._phases.pop(key)
            if complete:
                phase.done = phase.total = phase.total or 1
            self._write(phase.line(now))
            self._write("")

    def _tick(self) -> None:
        while not self._stopped.wait(self._interval):
            with self._lock:
                now = time.monotonic()
                for phase in self._phases.values():
                    self._write(phase.line(now))


def in_clock_units(seconds: float) -> str:
    """Whole seconds in the notation of Go's durations: `7s`, `1m5s`, `2h0m9s`."""
    whole = int(seconds)
    hours, minutes, rest = whole // _HOUR, whole % _HOUR // _MINUTE, whole % _MINUTE
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
