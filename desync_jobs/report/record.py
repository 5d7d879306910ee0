"""A whole run as one value, put together from its events: what is said of it when it has ended."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from desync_jobs.errors import EXIT_DEFECT
from desync_jobs.report.events import (
    Event,
    PhaseAdvanced,
    PhaseStarted,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    Warned,
)

NOT_BEGUN = "not begun"


@dataclass(slots=True)
class PhaseRecord:
    """One phase; times are seconds since the run began."""

    name: str
    unit: str
    total: int
    began: float
    ended: float
    done: int = 0


@dataclass(slots=True)
class OperationRecord:
    """One operation; times are seconds since the run began."""

    name: str
    kind: str = ""
    status: str = NOT_BEGUN
    reason: str = ""
    error: str | None = None
    began: float = 0.0
    ended: float = 0.0
    statistics: Mapping[str, object] = field(default_factory=dict)
    phases: list[PhaseRecord] = field(default_factory=list)

    def by_name(self, table: str) -> dict[str, Mapping[str, float]]:
        """Return the statistics of each place (`stores`) or local source (`sources`)."""
        found = self.statistics.get(table)
        if not isinstance(found, Mapping):
            return {}
        return {str(name): each for name, each in found.items() if isinstance(each, Mapping)}


@dataclass(slots=True)
class RunRecord:
    """How a run went. Where its end was never said, this program has a defect."""

    job: str
    started: float
    """Seconds since the epoch."""
    needs: Mapping[str, tuple[str, ...]]
    variables: Mapping[str, str]
    operations: dict[str, OperationRecord]
    """In the order of the plan."""
    warnings: list[tuple[str, str]] = field(default_factory=list)
    """Operation and message."""
    seconds: float = 0.0
    exit_code: int = EXIT_DEFECT
    error: str | None = None
    """Why nothing was begun, where that is so."""


class RecordReporter:
    """Keeps what happens, and gives it to each of `readers` when the run has ended."""

    def __init__(self, *readers: Callable[[RunRecord], None]) -> None:
        """`readers` must not raise."""
        self._readers = readers
        self._lock = Lock()
        self._began = 0.0
        self._record: RunRecord | None = None

    def emit(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, RunStarted):
                self._began = time.monotonic()
                operations = {name: OperationRecord(name) for name in event.operations}
                self._record = RunRecord(
                    event.job, time.time(), event.needs, event.variables, operations
                )
            elif self._record is not None:
                _note(self._record, event, time.monotonic() - self._began)

    def close(self) -> None:
        """Tell the readers, unless no run was begun."""
        if self._record is not None:
            for reader in self._readers:
                reader(self._record)


def _note(run: RunRecord, event: Event, now: float) -> None:
    match event:
        case RunFinished():
            run.seconds, run.exit_code, run.error = event.seconds, event.exit_code, event.error
        case Warned():
            run.warnings.append((event.operation, event.message))
        case StepStarted() | StepFinished() | PhaseStarted() | PhaseAdvanced():
            # Events may name an operation that the order did not.
            one = run.operations.setdefault(event.operation, OperationRecord(event.operation))
            _note_operation(one, event, now)
        case _:
            pass


def _note_operation(
    one: OperationRecord,
    event: StepStarted | StepFinished | PhaseStarted | PhaseAdvanced,
    now: float,
) -> None:
    match event:
        case StepStarted():
            one.kind, one.reason, one.began, one.ended = event.kind, event.reason, now, now
        case PhaseStarted():
            one.phases.append(PhaseRecord(event.phase, event.unit, event.total, now, now))
        case PhaseAdvanced():
            for phase in reversed(one.phases):
                if phase.name == event.phase:
                    phase.done, phase.ended = max(phase.done, event.done), now
                    break
        case StepFinished():
            one.kind, one.status, one.reason = event.kind, event.status, event.reason
            one.error, one.statistics = event.error, event.statistics
            one.began, one.ended = max(0.0, now - event.seconds), now
