"""Counting what is done, for the reporters."""

from threading import Lock

from desync_jobs.report.events import PhaseAdvanced, PhaseStarted, Reporter, TotalChanged


class Progress:
    """The whole run's work in bytes, which grows and shrinks as more is known."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._total = 0

    @property
    def total(self) -> int:
        """Bytes of work known by now, from the beginning of the run."""
        return self._total

    def expect(self, work: int) -> None:
        """Take note of `work` more bytes to do, or fewer where it is negative."""
        if work:
            self._total += work
            self._reporter.emit(TotalChanged(self._total))

    def phase(self, operation: str, name: str, total: int, unit: str = "bytes") -> "Phase":
        """Begin a phase of an operation."""
        self._reporter.emit(PhaseStarted(operation, name, total, unit))
        return Phase(self._reporter, operation, name, total)


class Phase:
    """One phase of an operation; advanced from any thread."""

    def __init__(self, reporter: Reporter, operation: str, name: str, total: int) -> None:
        self._reporter = reporter
        self._operation = operation
        self._name = name
        self._total = total
        self._done = 0
        self._lock = Lock()

    def advance(self, units: int, work: int | None = None) -> None:
        """Say that `units` more are done, which are `work` bytes of the run (as many if None)."""
        with self._lock:
            self._done += units
            # A stream has no size beforehand: never claim more than the whole.
            done = min(self._done, self._total) if self._total else self._done
        self._reporter.emit(
            PhaseAdvanced(self._operation, self._name, done, units if work is None else work)
        )

    def reach(self, position: int) -> None:
        """Say that `position` units are done in all, unless that was told on the way."""
        if position > self._done:
            self.advance(position - self._done)

    @property
    def done(self) -> int:
        """Units done by now."""
        return self._done
