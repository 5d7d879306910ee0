"""An operation on many things, each decided by itself: the parts of one step."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from desync_jobs.errors import DesyncRunError
from desync_jobs.planner.cost import Cost, summed
from desync_jobs.planner.step import Action, Decision, StepPart
from desync_jobs.planner.tally import tally
from desync_jobs.report.words import counted

S = TypeVar("S")


@dataclass(frozen=True, slots=True, eq=False)
class Part(Generic[S]):
    """One of the things, decided."""

    spec: S
    """What is to be done with it."""
    target: str
    """What is written, as in the manifest."""
    decision: Decision

    @property
    def to_do(self) -> bool:
        """Whether there is anything to do."""
        return self.decision.action is Action.RUN


@dataclass(frozen=True, slots=True, eq=False)
class PartsDetail(Generic[S]):
    """What the doer of an operation on many things does."""

    parts: tuple[Part[S], ...]
    """In their order, those with nothing to do as well."""
    renamed: Mapping[str, str]
    """What sums over all parts call some places."""


@dataclass(frozen=True, slots=True)
class Words:
    """How the reason of the whole is said."""

    to_do: str
    """After `2 of 3 targets are`: `to be written`."""
    unchanged: str
    """After `the target is`, or `all 3 targets are`: `what the index describes`."""


def parts_decision(
    parts: Sequence[Part[S]], words: Words, renamed: Mapping[str, str] | None = None
) -> Decision:
    """Return the decision about all of `parts` together."""
    detail = PartsDetail(tuple(parts), renamed or {})
    named = step_parts(detail)
    running = sum(one.to_do for one in parts)
    statistics = tally(
        ((one.target, "unchanged", one.decision.statistics) for one in parts if not one.to_do), {}
    )
    if not running:
        all_of = f"all {len(parts):,} targets are" if len(parts) > 1 else "the target is"
        reason = f"{all_of} {words.unchanged}"
        return Decision(Action.UNCHANGED, reason, statistics=statistics, parts=named)
    are = "is" if running == 1 else "are"
    return Decision(
        Action.RUN,
        f"{running:,} of {counted(len(parts), 'target')} {are} {words.to_do}",
        total_cost(detail),
        changes=True,
        detail=detail,
        parts=named,
    )


def total_cost(detail: PartsDetail[S]) -> Cost:
    """Return what all parts cost together."""
    return summed((one.decision.cost for one in detail.parts), detail.renamed)


def step_parts(detail: PartsDetail[S]) -> tuple[StepPart, ...]:
    """Return what the step says of each part."""
    return tuple(
        StepPart(one.target, one.decision.action, one.decision.reason, one.decision.cost)
        for one in detail.parts
    )


@contextmanager
def naming(target: str) -> Iterator[None]:
    """Have an error say that it is about `target`."""
    try:
        yield
    except DesyncRunError as error:
        error.about(target)
        raise
