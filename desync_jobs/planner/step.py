"""A step: what one operation will do and why.

Its `detail` is what the doer of its kind needs; nobody else looks into it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from desync_jobs.errors import DesyncRunError
from desync_jobs.planner.cost import NO_COST, Cost
from desync_jobs.planner.facts import TreeSeen

T = TypeVar("T")


class Action(Enum):
    """What happens to an operation."""

    RUN = "run"
    UNCHANGED = "unchanged"
    """The world is already as declared."""
    DEFERRED = "deferred"
    """Planned when the steps it needs are done."""
    BLOCKED = "blocked"
    """Cannot be done as things stand; the step carries the error."""


@dataclass(frozen=True, slots=True)
class StepPart:
    """One of many things that a step is about, decided."""

    name: str
    """Its target, as written in the manifest."""
    action: Action
    reason: str
    cost: Cost = NO_COST


@dataclass(frozen=True, slots=True)
class Step:
    """One operation, decided."""

    operation: str
    kind: str
    action: Action
    reason: str
    """Why, in a clause: `the target does not exist`."""
    needs: tuple[str, ...] = ()
    """Operations that must have succeeded before."""
    cost: Cost = NO_COST
    changes: bool = False
    """Whether running it leaves the world other than it was."""
    detail: object = None
    statistics: Mapping[str, object] = field(default_factory=dict)
    """What is counted of an operation that has nothing to do."""
    error: DesyncRunError | None = None
    parts: tuple[StepPart, ...] = ()
    """Of an operation on many things; their costs add up to that of the step."""
    facts: object = None
    """What was seen of the world, and decided on; None of what is deferred or blocked."""
    trees: tuple[TreeSeen, ...] = ()
    """What was seen of directory trees that it reads, where somebody looked into them."""

    def detail_as(self, kind: type[T]) -> T:
        """Return the detail, which the doer knows to be a `kind`."""
        if not isinstance(self.detail, kind):
            raise TypeError(f"step {self.operation} carries {self.detail!r}, not {kind.__name__}")
        return self.detail


@dataclass(frozen=True, slots=True)
class Decision:
    """What a planner of one kind of operation decides; order and names are added by `Step`."""

    action: Action
    reason: str
    cost: Cost = NO_COST
    changes: bool = False
    detail: object = None
    statistics: Mapping[str, object] = field(default_factory=dict)
    parts: tuple[StepPart, ...] = ()
