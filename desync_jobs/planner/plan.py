"""The plan: steps in the order in which they run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from desync_jobs.errors import LimitError
from desync_jobs.manifest.job import Job
from desync_jobs.planner.cost import Bounds
from desync_jobs.planner.money import Charge, charge_of
from desync_jobs.planner.step import Action, Step


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run of `job` will do."""

    job: Job
    steps: tuple[Step, ...] = field(default=())

    @property
    def changes(self) -> bool:
        """Whether running it would change anything, as far as is known."""
        return any(step.changes for step in self.steps)

    @property
    def passed_limit(self) -> LimitError | None:
        """The limit of the job that a run would pass, as far as is planned."""
        from desync_jobs.planner.limits import passed_limit

        return passed_limit(self.job, self.steps)

    @property
    def download(self) -> Bounds | None:
        """Stored bytes that come from stores, as far as is planned; None where nobody looked."""
        found = [one for one in (step.cost.download for step in self.steps) if one is not None]
        return sum(found, Bounds(0, 0)) if found else None

    @property
    def charge(self) -> Charge | None:
        """What it costs in money, as far as is planned; None where no place has prices."""
        return charge_of(self.job.spec, self.steps)

    @property
    def blocked(self) -> tuple[Step, ...]:
        """Steps that cannot be done."""
        return tuple(step for step in self.steps if step.action is Action.BLOCKED)

    def to_json(self) -> Mapping[str, object]:
        """Return the plan as JSON values; the same plan gives the same value."""
        from desync_jobs.planner.document import plan_document

        return plan_document(
            self.job.spec, self.steps, self.changes, self.download, self.passed_limit
        )
