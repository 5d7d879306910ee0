"""A plan in a file: what was decided, and digests of what that was decided on.

A saved plan is never carried out as it stands: the world is looked at again, the plan made anew
by the same pure functions, and the two compared (`changes.differences`). So the file needs
nothing that only this program could read, and no secret is in it.
"""

import json
import re
from collections.abc import Sequence
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desync_jobs._version import __version__
from desync_jobs.errors import UsageError
from desync_jobs.manifest.job import Job, JobSpec
from desync_jobs.planner.cost import Amount, Cost
from desync_jobs.planner.facts import TreeSeen
from desync_jobs.planner.fingerprint import fingerprint, fingerprints
from desync_jobs.planner.money import Charge, charge_document, charge_of
from desync_jobs.planner.plan import Plan
from desync_jobs.planner.step import Step, StepPart

SCHEMA: Final = "desync-run.saved-plan/1"
SIZE_LIMIT: Final = 1 << 28
"""Bytes of a saved plan that are read."""
_HALF: Final = re.compile(rb"\\ud[89a-f]")
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


class SavedCharge(_Saved):
    """What a step costs in money, as exact decimal numbers."""

    currency: str
    lower: str
    upper: str | None
    """None where nobody knows before it is done."""

    @classmethod
    def of(cls, charge: Charge) -> Self:
        """Return what is kept of a charge."""
        return cls(**charge_document(charge))


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


class SavedTree(_Saved):
    """What was seen of a directory tree that is read."""

    path: str
    """Its top, absolute."""
    entries: int
    bytes: int
    """Content of its files."""
    digests: dict[str, str]
    """By path, `.` for the top; a path that ends in a slash stands for all that is below it."""

    @classmethod
    def of(cls, tree: TreeSeen) -> Self:
        """Return what is kept of a tree."""
        return cls(
            path=tree.path, entries=tree.entries, bytes=tree.bytes, digests=dict(tree.digests)
        )


class SavedStep(_Saved):
    """What one operation will do, and why."""

    operation: str
    kind: str
    action: str
    reason: str
    needs: list[str]
    cost: SavedCost
    charge: SavedCharge | None
    """None where no place of the job has prices."""
    parts: list[SavedPart]
    facts: dict[str, str]
    """A digest of each thing that was looked at: the index, the target, the stores."""
    trees: list[SavedTree] = []
    """Directory trees that are read; none in a plan that was saved before they were looked at."""

    @classmethod
    def of(cls, job: JobSpec, step: Step) -> Self:
        """Return what is kept of a step of `job`."""
        charge = charge_of(job, [step])
        return cls(
            operation=step.operation,
            kind=step.kind,
            action=step.action.value,
            # A plan with a step that cannot be done is not saved, but held against one that was.
            reason=step.reason if step.error is None else str(step.error),
            needs=list(step.needs),
            cost=SavedCost.of(step.cost),
            charge=None if charge is None else SavedCharge.of(charge),
            parts=list(map(SavedPart.of, step.parts)),
            facts={} if step.facts is None else fingerprints(step.facts),
            trees=list(map(SavedTree.of, step.trees)),
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
        """Return the content of the file; the same for the same plan.

        What is no text in the name of a file, `os.fsdecode` has made half of a surrogate pair. JSON
        has those only escaped.
        """
        text = json.dumps(self.model_dump(by_alias=True), indent=2, ensure_ascii=False) + "\n"
        return text.encode("utf-8", "backslashreplace").decode()


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
    steps = [SavedStep.of(job.spec, step) for step in plan.steps]
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
        # What reads JSON for pydantic knows no half of a surrogate pair.
        if _HALF.search(data):
            return SavedPlan.model_validate(json.loads(data))
        return SavedPlan.model_validate_json(data)
    except (ValueError, RecursionError) as error:
        told = str(error)
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False)[0]
            told = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise UsageError(
            f"{source}: not a plan that this program saved: {told}; make one with 'plan -o'"
        ) from error
