"""Facts of one operation → its decision.

An operation has one name everywhere, so its planner is found by it: kind `verify-index` is
`plan_verify_index` in `planner/operations/verify_index.py`. It is imported when it is needed: a run
of one kind does not wait for the other eleven. A test proves that every kind has its planner.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from desync_jobs.manifest.operations import OperationSpec
from desync_jobs.planner.order import Order
from desync_jobs.planner.step import Action, Decision, Step

Planner = Callable[[Any, Any], Decision]
"""Takes a spec and its facts; each planner's own signature names their types."""


def planner_of(kind: str) -> Planner:
    """Return the planner of operations of `kind`."""
    name = kind.replace("-", "_")
    module = import_module(f"desync_jobs.planner.operations.{name}")
    return cast("Planner", getattr(module, f"plan_{name}"))


def decide(name: str, spec: OperationSpec, order: Order, facts: object) -> Step:
    """Return the step of operation `name`; raises the error that says why it cannot be done."""
    decision = planner_of(spec.kind)(spec, facts)
    return Step(
        operation=name,
        kind=spec.kind,
        action=decision.action,
        reason=decision.reason,
        needs=_in_order(order, name),
        cost=decision.cost,
        changes=decision.changes,
        detail=decision.detail,
        statistics=decision.statistics,
        parts=decision.parts,
        facts=facts,
    )


def defer(name: str, spec: OperationSpec, order: Order, changing: frozenset[str]) -> Step:
    """Return the step of an operation whose inputs `changing` may change first."""
    makers = [one for one in order.names if one in changing]
    are = "is" if len(makers) == 1 else "are"
    return Step(
        operation=name,
        kind=spec.kind,
        action=Action.DEFERRED,
        reason=f"planned when {' and '.join(makers)} {are} done",
        needs=_in_order(order, name),
        changes=True,
    )


def _in_order(order: Order, name: str) -> tuple[str, ...]:
    return tuple(one for one in order.names if one in order.needs[name])
