"""A plan in a file: what was decided, and digests of what that was decided on.

A saved plan is never carried out as it stands: the world is looked at again, the plan made anew
by the same pure functions, and the two compared (`changes.differences`). So the file needs
nothing that only this program could read, and no secret is in it.
"""

from collections.abc import Sequence
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desync_jobs._version import __version__
from desync_jobs.errors import UsageError
from desync_jobs.manifest.job import Job
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.fingerprint import fingerprint, fingerprints
from desync_jobs.planner.plan import Plan
from desync_jobs.planner.step import Step, StepPart

SCHEMA: Final = "desync-run.saved-plan/1"
SIZE_LIMIT: Final = 1 << 28
"""Bytes of a saved plan that are read."""
_TABLES: Final = frozenset(
    {"stores", "caches", "failover_groups", "index_stores", "seeds", "operations"}
)
_ASIDE: Final = {"engine", "name", "description", "variables", "limits"}
"""What changes nothing of what is done; the values of variables are where they are used."""


class _Saved(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SavedAmount(_Saved):
    """What is read from, or written to, one place."""

    place: str
    bytes: int
    """Plain bytes."""
    chunks: int
    requests: int
    exact: bool
    """Whether these figures are known; otherwise they are the most that can be."""
    stored: list[int] | None
    """The least and the most stored bytes; None where nobody looked."""

    @classmethod
    def of(cls, amount: Amount) -> Self:
        """Return what is kept of an amount."""
        stored = amount.stored
        return cls(
            place=amount.place,
            bytes=amount.bytes,
            chunks=amount.chunks,
            requests=amount.requests,
            exact=amount.exact,
            stored=None if stored is None else [stored.lower, stored.upper],
        )


class SavedCost(_Saved):
    """What is read and written. Room on disks is left out: it changes from hour to hour."""

    reads: list[SavedAmount]
    writes: list[SavedAmount]

    @classmethod
    def of(cls, cost: Cost) -> Self:
        """Return what is kept of a cost."""
        reads, writes = (list(map(SavedAmount.of, some)) for some in (cost.reads, cost.writes))
        return cls(reads=reads, writes=writes)


class SavedPart(_Saved):
    """One of many targets that an operation is about."""

    target: str
    action: str
    reason: str
    cost: SavedCost

    @classmethod
    def of(cls, part: StepPart) -> Self:
        """Return what is kept of a part."""
        cost = SavedCost.of(part.cost)
        return cls(target=part.name, action=part.action.value, reason=part.reason, cost=cost)


class SavedStep(_Saved):
    """What one operation will do, and why."""

    operation: str
    kind: str
    action: str
    reason: str
    needs: list[str]
    cost: SavedCost
    parts: list[SavedPart]
    facts: dict[str, str]
    """A digest of each thing that was looked at: the index, the target, the stores."""

    @classmethod
    def of(cls, step: Step) -> Self:
        """Return what is kept of a step."""
        return cls(
            operation=step.operation,
            kind=step.kind,
            action=step.action.value,
            reason=step.reason,
            needs=list(step.needs),
            cost=SavedCost.of(step.cost),
            parts=list(map(SavedPart.of, step.parts)),
            facts={} if step.facts is None else fingerprints(step.facts),
        )


class SavedOrigin(_Saved):
    """The job that a plan was made of."""

    path: str
    """The job file, relative to the saved plan."""
    variables: dict[str, str]
    """The values that its variables had, wherever they came from."""
    targets: list[str]
    """The operations that the plan was limited to; none where it was not."""
    keep_going: bool
    """Whether what needs nothing of a failed operation is still done."""
    parts: dict[str, str]
    """A digest of each part of the job, by its place: `operations.install`."""


class SavedPlan(_Saved):
    """A plan, with what it was made of."""

    schema_: Literal["desync-run.saved-plan/1"] = Field(alias="schema")
    program: str
    """The version of the program that made it."""
    job: SavedOrigin
    steps: list[SavedStep]

    def text(self) -> str:
        """Return the content of the file; the same for the same plan."""
        return self.model_dump_json(indent=2, by_alias=True) + "\n"


def saved_plan(plan: Plan, path: str, targets: Sequence[str]) -> SavedPlan:
    """Return what is kept of `plan`, which is of the job file at `path`, limited to `targets`."""
    job = plan.job
    origin = SavedOrigin(
        path=path,
        variables=dict(sorted(job.variables.items())),
        targets=list(targets),
        keep_going=job.spec.keep_going,
        parts=_parts(job),
    )
    steps = list(map(SavedStep.of, plan.steps))
    return SavedPlan(schema=SCHEMA, program=__version__, job=origin, steps=steps)


def _parts(job: Job) -> dict[str, str]:
    """Return a digest of each part of a job that changes what is done."""
    found = {}
    for key, value in job.spec.model_dump(mode="json", exclude=_ASIDE).items():
        if key in _TABLES:
            found.update({f"{key}.{name}": fingerprint(one) for name, one in value.items()})
        else:
            found[key] = fingerprint(value)
    return found


def parse_saved(data: bytes, source: str) -> SavedPlan:
    """Read a saved plan; `UsageError` for what is none."""
    if len(data) > SIZE_LIMIT:
        raise UsageError(f"{source}: larger than {SIZE_LIMIT >> 20} MiB; this is no saved plan")
    try:
        return SavedPlan.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        told = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise UsageError(
            f"{source}: not a plan that this program saved: {told}; make one with 'plan -o'"
        ) from error
