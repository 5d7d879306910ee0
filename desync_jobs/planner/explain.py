"""A plan in words, for people."""

from collections.abc import Iterator
from typing import Final

from desync_jobs.planner.cost import Amount
from desync_jobs.planner.plan import Action, Plan, Step

_MARKS: Final = {
    Action.RUN: "+",
    Action.UNCHANGED: "=",
    Action.DEFERRED: "…",
    Action.BLOCKED: "!",
}


def explain(plan: Plan) -> str:
    """Return the plan as lines: each step, its reason, what it reads and writes."""
    lines = [line for step in plan.steps for line in _step_lines(step)]
    return "\n".join([*lines, "", _summary(plan), ""])


def _step_lines(step: Step) -> Iterator[str]:
    kind = "" if step.kind == step.operation else f" ({step.kind})"
    yield f"{_MARKS[step.action]} {step.operation}{kind}: {_reason(step)}"
    if step.needs:
        yield f"    after   {', '.join(step.needs)}"
    if step.action is Action.RUN:
        yield from _amount_lines("reads ", "from", step.cost.reads)
        yield from _amount_lines("writes", "to", step.cost.writes)


def _reason(step: Step) -> str:
    if step.action is Action.UNCHANGED:
        return f"nothing to do: {step.reason}"
    return str(step.error) if step.error is not None else step.reason


def _amount_lines(verb: str, preposition: str, amounts: tuple[Amount, ...]) -> Iterator[str]:
    for amount in amounts:
        if amount.bytes or amount.chunks:
            yield f"    {verb}  {amount.words()} {preposition} {amount.place}"


def _summary(plan: Plan) -> str:
    count = dict.fromkeys(Action, 0)
    for step in plan.steps:
        count[step.action] += 1
    if count[Action.BLOCKED]:
        return f"{count[Action.BLOCKED]} of {len(plan.steps)} operations cannot be done."
    if not count[Action.RUN] and not count[Action.DEFERRED]:
        return "Nothing to do."
    later = f", {count[Action.DEFERRED]} planned on the way" if count[Action.DEFERRED] else ""
    return f"{count[Action.RUN]} to run{later}, {count[Action.UNCHANGED]} with nothing to do."
