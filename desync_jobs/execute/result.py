"""What came of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from desync_jobs.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_PARTLY_DONE,
    DesyncRunError,
    InterruptedRunError,
)


class Status(Enum):
    """How an operation ended."""

    DONE = "done"
    UNCHANGED = "unchanged"
    """There was nothing to do."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Something it needs did not succeed, or the run ended before it."""
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Done:
    """What a doer returns: everything it was to do is complete and published."""

    status: Status = Status.DONE
    statistics: Mapping[str, object] = field(default_factory=dict)
    error: DesyncRunError | None = None
    """Set where the operation did its work and the work's finding is bad, as in a verification."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one operation ended."""

    operation: str
    kind: str
    status: Status
    reason: str
    seconds: float = 0.0
    statistics: Mapping[str, object] = field(default_factory=dict)
    error: DesyncRunError | None = None

    @property
    def succeeded(self) -> bool:
        """Whether operations that need this one may run."""
        return self.status in {Status.DONE, Status.UNCHANGED}


@dataclass(frozen=True, slots=True)
class Result:
    """How the operations of a job ended, in the order of the plan."""

    job: str
    outcomes: tuple[Outcome, ...]
    seconds: float
    kept_going: bool = False
    """Whether the job was to go on after a failure."""

    @property
    def exit_code(self) -> int:
        """The exit code of the architecture for this result."""
        errors = [outcome.error for outcome in self.outcomes if outcome.error is not None]
        if not errors:
            complete = all(outcome.succeeded for outcome in self.outcomes)
            return EXIT_DONE if complete else EXIT_FAILED
        for error in errors:
            if isinstance(error, InterruptedRunError):
                return error.exit_code
        if self.kept_going and any(outcome.succeeded for outcome in self.outcomes):
            return EXIT_PARTLY_DONE
        return errors[0].exit_code

    def to_json(self) -> dict[str, object]:
        """Return the result as JSON values."""
        return {
            "schema": "desync-run.result/1",
            "job": self.job,
            "exit_code": self.exit_code,
            "seconds": round(self.seconds, 3),
            "operations": [_outcome_json(outcome) for outcome in self.outcomes],
        }


def _outcome_json(outcome: Outcome) -> dict[str, object]:
    value: dict[str, object] = {
        "operation": outcome.operation,
        "kind": outcome.kind,
        "status": outcome.status.value,
        "reason": outcome.reason,
        "seconds": round(outcome.seconds, 3),
        "statistics": dict(outcome.statistics),
    }
    if outcome.error is not None:
        value["error"] = str(outcome.error)
        value["exit_code"] = outcome.error.exit_code
    return value
