"""A plan as a graph: Mermaid, which web pages of git hosts draw, and Graphviz DOT."""

from typing import Final

from desync_jobs.planner.plan import Plan
from desync_jobs.planner.step import Action, Step
from desync_jobs.report.words import in_bytes

_FILLS: Final = {
    Action.RUN: "#cfe8ff",
    Action.UNCHANGED: "#e6e6e6",
    Action.DEFERRED: "#fff3c4",
    Action.BLOCKED: "#ffd0d0",
}


def mermaid(plan: Plan) -> str:
    """Return a Mermaid flow chart; one node an operation, arrows from what it needs."""
    number = {step.operation: place for place, step in enumerate(plan.steps)}
    lines = ["flowchart LR"]
    for step in plan.steps:
        label = "<br/>".join(_label(step)).replace('"', "#quot;")
        lines.append(f'    n{number[step.operation]}["{label}"]:::{step.action.value}')
    lines += [
        f"    n{number[need]} --> n{number[step.operation]}"
        for step in plan.steps
        for need in step.needs
    ]
    lines += [f"    classDef {action.value} fill:{fill}" for action, fill in _FILLS.items()]
    return "\n".join(lines) + "\n"


def dot(plan: Plan) -> str:
    """Return the same graph for Graphviz."""
    lines = ["digraph job {", "    rankdir=LR;", '    node [shape=box, style="filled,rounded"];']
    for step in plan.steps:
        label = "\\n".join(_quoted(line) for line in _label(step))
        name, fill = _quoted(step.operation), _FILLS[step.action]
        lines.append(f'    "{name}" [label="{label}", fillcolor="{fill}"];')
    lines += [
        f'    "{_quoted(need)}" -> "{_quoted(step.operation)}";'
        for step in plan.steps
        for need in step.needs
    ]
    return "\n".join([*lines, "}"]) + "\n"


def _label(step: Step) -> list[str]:
    lines = [step.operation, step.kind, step.action.value]
    if step.cost.work:
        lines.append(in_bytes(step.cost.work))
    return lines


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
