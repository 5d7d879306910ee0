"""How things stand with a job: each operation held against the world, and what is under way."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from desync_jobs.errors import EXIT_CHANGES, EXIT_DONE, DesyncRunError
from desync_jobs.execute.blobs import blobs_of
from desync_jobs.execute.kept_work import KeptWork, kept_work
from desync_jobs.execute.prepare import make_plan
from desync_jobs.execute.task import Machine
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.operations.extract import ExtractSpec
from desync_jobs.planner.extraction import ExtractDetail
from desync_jobs.planner.facts import IndexFacts
from desync_jobs.planner.parts import PartsDetail
from desync_jobs.planner.step import Action, Step


class State(Enum):
    """How an operation stands."""

    AS_DECLARED = "as declared"
    EVERY_TIME = "done every time"
    """Such as a verification: it changes nothing, so there is nothing that could be done."""
    TO_DO = "to do"
    INTERRUPTED = "interrupted"
    """To do, and a run that did not finish left something to go on with."""
    DEFERRED = "deferred"
    """Known when the operations it needs are done."""
    BLOCKED = "blocked"


_STATES: Final = {
    Action.UNCHANGED: State.AS_DECLARED,
    Action.DEFERRED: State.DEFERRED,
    Action.BLOCKED: State.BLOCKED,
}


@dataclass(frozen=True, slots=True)
class OperationStatus:
    """One operation as it stands."""

    operation: str
    kind: str
    state: State
    reason: str
    changes: bool
    """Whether running it would change something, as far as is known."""
    kept: tuple[KeptWork, ...] = ()
    """What interrupted runs left of its targets, if anything."""
    error: DesyncRunError | None = None
    """Why it is blocked."""

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        value: dict[str, object] = {
            "operation": self.operation,
            "kind": self.kind,
            "state": self.state.value,
            "reason": self.reason,
            "changes": self.changes,
            "kept": [kept.to_json() for kept in self.kept],
        }
        if self.error is not None:
            value["error"] = str(self.error)
            value["exit_code"] = self.error.exit_code
        return value


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as it stands, its operations in the order in which they would run."""

    job: str
    operations: tuple[OperationStatus, ...]

    @property
    def exit_code(self) -> int:
        """0 where all is as declared, 2 where something is to do, else the first obstacle's."""
        for one in self.operations:
            if one.error is not None:
                return one.error.exit_code
        return EXIT_CHANGES if any(one.changes for one in self.operations) else EXIT_DONE

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "schema": "desync-run.status/1",
            "job": self.job,
            "exit_code": self.exit_code,
            "operations": [one.to_json() for one in self.operations],
        }


def survey_status(machine: Machine) -> JobStatus:
    """Plan the job, and look at what interrupted runs of it left; changes nothing.

    Raises `ManifestError` for conflicts and cycles.
    """
    job = machine.job
    steps = make_plan(machine).steps
    return JobStatus(job.spec.name, tuple(_status(job, step) for step in steps))


def _status(job: Job, step: Step) -> OperationStatus:
    indexes = dict(_indexes(step))
    found = [kept_work(target, indexes.get(target)) for target in _targets(job, step)]
    kept = tuple(one for one in found if one is not None)
    return OperationStatus(
        step.operation,
        step.kind,
        _state(step, under_way=bool(kept)),
        str(step.error) if step.error is not None else step.reason,
        step.changes,
        kept,
        step.error,
    )


def _state(step: Step, *, under_way: bool) -> State:
    if step.action in _STATES:
        return _STATES[step.action]
    if not step.changes:
        return State.EVERY_TIME
    return State.INTERRUPTED if under_way else State.TO_DO


def _targets(job: Job, step: Step) -> list[str]:
    """Return the targets of an extraction, as far as it is known which they are."""
    spec = job.spec.operations[step.operation]
    if not isinstance(spec, ExtractSpec):
        return []
    try:
        blobs = blobs_of(job, step.operation, spec) if spec.several else spec.listed
    except DesyncRunError:
        return []
    return [job.path(blob.target) for blob in blobs]


def _indexes(step: Step) -> Iterator[tuple[str, IndexFacts]]:
    """Yield the targets that are to be written, and their indexes."""
    details = [step.detail]
    if isinstance(step.detail, PartsDetail):
        details = [part.decision.detail for part in step.detail.parts]
    for detail in details:
        if isinstance(detail, ExtractDetail):
            yield detail.target.path, detail.found
