"""A plan in words, for people."""

from collections.abc import Iterator
from typing import Final

from desync_jobs.planner.cost import Cost
from desync_jobs.planner.plan import Action, Plan, Step, StepPart

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
        yield from _cost_lines(step.cost, "    ")
    for part in step.parts:
        yield f"    {_MARKS[part.action]} {part.name}: {_reason(part)}"
        yield from _cost_lines(part.cost, "        ")


def _reason(step: Step | StepPart) -> str:
    if step.action is Action.UNCHANGED:
        return f"nothing to do: {step.reason}"
    error = step.error if isinstance(step, Step) else None
    return step.reason if error is None else str(error)


def _cost_lines(cost: Cost, indent: str) -> Iterator[str]:
    for verb, preposition, amounts in (
        ("reads ", "from", cost.reads),
        ("writes", "to", cost.writes),
    ):
        for amount in amounts:
            if amount.bytes or amount.chunks:
                yield f"{indent}{verb}  {amount.words()} {preposition} {amount.place}"


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
