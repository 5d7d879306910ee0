"""A plan as JSON: the typed shape of the document, which is also its schema.

The same plan gives the same document. Readers must accept keys that they do not know.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, TypedDict

from desync_jobs.core.prices import Price
from desync_jobs.errors import LimitError
from desync_jobs.manifest.job import JobSpec
from desync_jobs.manifest.spread import spread_operations
from desync_jobs.planner.cost import Amount, Bounds, Deletion
from desync_jobs.planner.facts import TreeSeen
from desync_jobs.planner.money import Charge, ChargeDocument, charge_document, charge_of
from desync_jobs.planner.space import Space
from desync_jobs.planner.step import Action, Step, StepPart

EngineDocument = Literal["local", "dask"]
ActionDocument = Literal["run", "unchanged", "deferred", "blocked"]
SCHEMA: Literal["desync-run.plan/1"] = "desync-run.plan/1"


class BoundsDocument(TypedDict):
    """A number of bytes between two, both included; they are equal where it is known."""

    lower: int
    """The least it can be."""
    upper: int
    """The most it can be."""


class PriceDocument(TypedDict):
    """What a kind of source costs, in nominal nanoseconds; the cheapest that has a chunk gives it.

    Only the order of prices decides anything.
    """

    request: float
    """For each question, or run of a seed."""
    byte: float
    """For each plain byte."""


class AmountDocument(TypedDict):
    """What is read from, or written to, one place."""

    place: str
    """`blob`, `target`, `in place`, `index`, `zeros`, `output`, `seed NAME`, or a
    store or cache."""
    source: str | None
    """The kind of source of chunks: in-place, zeros, clone, seed, self, cache or store."""
    bytes: int
    """Plain bytes."""
    chunks: int
    """Chunks, each as often as it is read or written."""
    requests: int
    """Questions that a store is asked, those for chunks that it lacks included."""
    exact: bool
    """Whether these figures are known; otherwise they are the most that can be."""
    stored: BoundsDocument | None
    """Bytes as they are stored and transferred; null where nobody looked."""
    price: PriceDocument | None
    """What decides between sources."""


class DeletionDocument(TypedDict):
    """Chunk files, or indexes, that are removed from one place; quarantined ones for good."""

    place: str
    """The store or cache, or where indexes are."""
    what: str
    """`chunk`, `index`, `quarantined chunk` or `quarantined index`."""
    chunks: int
    """How many go."""
    bytes: int
    """Stored bytes of chunks."""
    of: int
    """How many the place has."""


class SpaceDocument(TypedDict):
    """What is needed of one file system."""

    path: str
    """A folder on it."""
    needed_for: list[str]
    """What needs room there."""
    lower: int
    """Bytes needed at least."""
    upper: int
    """Bytes needed at most."""
    free: int
    """Bytes that are free."""


class TreeDocument(TypedDict):
    """A directory tree that is read, as it was seen."""

    path: str
    """Its top, absolute."""
    entries: int
    """Everything in it that is read, the top counted."""
    bytes: int
    """Content of its files."""


class PartDocument(TypedDict):
    """One of many targets that an operation is about."""

    target: str
    """The target, as written in the manifest."""
    action: ActionDocument
    """What happens to it."""
    reason: str
    """Why."""
    reads: list[AmountDocument]
    """What is read, by place."""
    writes: list[AmountDocument]
    """What is written, by place."""
    download: BoundsDocument | None
    """Stored bytes that come from stores, caches left out; null where nobody looked."""


class StepDocument(TypedDict):
    """What one operation will do."""

    operation: str
    """Its name in the job."""
    kind: str
    """What kind of operation it is."""
    action: ActionDocument
    """What happens to it: unchanged has nothing to do, deferred is planned on the way."""
    reason: str
    """Why."""
    engine: EngineDocument
    """Who does it: the process that runs the job, or the workers of its cluster as well."""
    needs: list[str]
    """Operations that must have succeeded before."""
    changes: bool
    """Whether running it may change anything."""
    reads: list[AmountDocument]
    """What is read, by place."""
    writes: list[AmountDocument]
    """What is written, by place."""
    download: BoundsDocument | None
    """Stored bytes that come from stores, caches left out; null where nobody looked."""
    charge: ChargeDocument | None
    """What it costs in money; null where no place of the job has prices."""
    space: list[SpaceDocument]
    """Room that is needed, by file system."""
    trees: list[TreeDocument]
    """Directory trees that are read."""
    deletes: list[DeletionDocument]
    """What is removed, by place."""
    warnings: list[str]
    """What will go wrong, or may."""
    parts: list[PartDocument]
    """Its targets, where it is about many."""
    error: str | None
    """Why the operation cannot be done; null where it can."""
    exit_code: int | None
    """What a run would end with because of that."""


class PlanDocument(TypedDict):
    """What a run of a job will do, as `desync-run plan --json` prints it."""

    schema: Literal["desync-run.plan/1"]
    """The version of this document."""
    job: str
    """The job's name, which may be empty."""
    changes: bool
    """Whether a run would change anything, as far as is known."""
    download: BoundsDocument | None
    """Stored bytes that come from stores in all steps that are planned; null where none does."""
    charge: ChargeDocument | None
    """What all steps that are planned cost in money; null where no place of the job has prices."""
    limit: str | None
    """The limit of the job that a run would pass, so that it is not begun; null where none is."""
    steps: list[StepDocument]
    """The operations in the order in which they run."""


def plan_document(
    job: JobSpec,
    steps: Sequence[Step],
    changes: bool,
    download: Bounds | None,
    limit: LimitError | None,
) -> PlanDocument:
    """Return a plan as JSON values: its job's name, its steps, and what is so of them together."""
    spread = spread_operations(job)
    return {
        "schema": SCHEMA,
        "job": job.name,
        "changes": changes,
        "download": _perhaps(download),
        "charge": _charge(charge_of(job, steps)),
        "limit": None if limit is None else str(limit),
        "steps": [_step(job, step, spread) for step in steps],
    }


def _step(job: JobSpec, step: Step, spread: Collection[str]) -> StepDocument:
    cost = step.cost
    return {
        "operation": step.operation,
        "kind": step.kind,
        "action": _ACTIONS[step.action],
        "reason": step.reason,
        "engine": "dask" if step.operation in spread else "local",
        "needs": list(step.needs),
        "changes": step.changes,
        "reads": [_amount(amount) for amount in cost.reads],
        "writes": [_amount(amount) for amount in cost.writes],
        "download": _perhaps(cost.download),
        "charge": _charge(charge_of(job, [step])),
        "space": [_space(space) for space in cost.space],
        "trees": [_tree(tree) for tree in step.trees],
        "deletes": [_deletion(deletion) for deletion in cost.deletes],
        "warnings": list(cost.warnings),
        "parts": [_part(part) for part in step.parts],
        "error": None if step.error is None else str(step.error),
        "exit_code": None if step.error is None else step.error.exit_code,
    }


_ACTIONS: Final[Mapping[Action, ActionDocument]] = MappingProxyType(
    {
        Action.RUN: "run",
        Action.UNCHANGED: "unchanged",
        Action.DEFERRED: "deferred",
        Action.BLOCKED: "blocked",
    }
)


def _amount(amount: Amount) -> AmountDocument:
    return {
        "place": amount.place,
        "source": None if amount.source is None else amount.source.value,
        "bytes": amount.bytes,
        "chunks": amount.chunks,
        "requests": amount.requests,
        "exact": amount.exact,
        "stored": _perhaps(amount.stored),
        "price": None if amount.price is None else _price(amount.price),
    }


def _deletion(deletion: Deletion) -> DeletionDocument:
    return {
        "place": deletion.place,
        "what": deletion.what,
        "chunks": deletion.chunks,
        "bytes": deletion.bytes,
        "of": deletion.of,
    }


def _tree(tree: TreeSeen) -> TreeDocument:
    return {"path": tree.path, "entries": tree.entries, "bytes": tree.bytes}


def _part(part: StepPart) -> PartDocument:
    return {
        "target": part.name,
        "action": _ACTIONS[part.action],
        "reason": part.reason,
        "reads": [_amount(amount) for amount in part.cost.reads],
        "writes": [_amount(amount) for amount in part.cost.writes],
        "download": _perhaps(part.cost.download),
    }


def _perhaps(bounds: Bounds | None) -> BoundsDocument | None:
    return None if bounds is None else {"lower": bounds.lower, "upper": bounds.upper}


def _charge(charge: Charge | None) -> ChargeDocument | None:
    return None if charge is None else charge_document(charge)


def _price(price: Price) -> PriceDocument:
    return {"request": price.request, "byte": price.byte}


def _space(space: Space) -> SpaceDocument:
    return {
        "path": space.path,
        "needed_for": list(space.what),
        "lower": space.lower,
        "upper": space.upper,
        "free": space.free,
    }
