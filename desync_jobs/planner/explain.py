"""A plan in words and tables, for people."""

from collections.abc import Iterable, Iterator
from typing import Final

from desync_jobs.core.prices import Source
from desync_jobs.manifest.engine import DaskEngineSpec
from desync_jobs.manifest.job import JobSpec
from desync_jobs.manifest.spread import spread_operations
from desync_jobs.planner.cost import Amount, Bounds, Cost, Deletion
from desync_jobs.planner.money import Charge, charge_of
from desync_jobs.planner.plan import Plan
from desync_jobs.planner.space import Space
from desync_jobs.planner.step import Action, Step, StepPart
from desync_jobs.report.words import counted, in_a_line, in_bytes, in_money

_MARKS: Final = {
    Action.RUN: "+",
    Action.UNCHANGED: "=",
    Action.DEFERRED: "…",
    Action.BLOCKED: "!",
}

Row = tuple[str, str, str, str, str]
"""Verb, place, plain bytes, chunks, stored bytes."""


def explain(plan: Plan) -> str:
    """Return the plan as lines: each step, its reason, what it reads and writes; and totals."""
    lines = [line for step in plan.steps for line in _step_lines(step, plan.job.spec)]
    return "\n".join([*lines, "", _summary(plan), ""])


def _step_lines(step: Step, job: JobSpec) -> Iterator[str]:
    kind = "" if step.kind == step.operation else f" ({step.kind})"
    yield f"{_MARKS[step.action]} {step.operation}{kind}: {_reason(step)}"
    if step.needs:
        yield f"    after    {', '.join(step.needs)}"
    if isinstance(job.engine, DaskEngineSpec) and step.action in (Action.RUN, Action.DEFERRED):
        where = "the cluster" if step.operation in spread_operations(job) else "this machine alone"
        yield f"    runs on  {where}"
    if step.action is Action.RUN:
        yield from _cost_lines(step.cost, "    ")
        for tree in step.trees:
            yield f"    tree     {counted(tree.entries, 'entry')} in {tree.path}"
        charge = charge_of(job, [step])
        if charge is not None and charge.upper != 0:
            yield f"    costs    {_charged(charge)}"
    for part in step.parts:
        yield f"    {_MARKS[part.action]} {part.name}: {_reason(part)}"
        yield from _cost_lines(part.cost, "        ")


def _cost_lines(cost: Cost, indent: str) -> Iterator[str]:
    yield from _table([*_rows("reads", cost.reads), *_rows("writes", cost.writes)], indent)
    if cost.download is not None:
        yield f"{indent}fetches  {_between(cost.download)} in {_requests(cost)}"
    for deletion in cost.deletes:
        if deletion.chunks:
            yield f"{indent}deletes  {_deleted(deletion)}"
    for space in cost.space:
        yield f"{indent}space    {_room(space)}"
    for warning in cost.warnings:
        yield f"{indent}warning  {warning}"


def _reason(step: Step | StepPart) -> str:
    if step.action is Action.UNCHANGED:
        return f"nothing to do: {step.reason}"
    error = step.error if isinstance(step, Step) else None
    return step.reason if error is None else in_a_line(str(error))


def _rows(verb: str, amounts: Iterable[Amount]) -> Iterator[Row]:
    for amount in amounts:
        if amount.bytes or amount.chunks:
            bound = "" if amount.exact else "at most "
            chunks = counted(amount.chunks, "chunk") if amount.chunks else ""
            stored = "" if amount.stored is None else f"{_between(amount.stored)} stored"
            yield verb, amount.place, f"{bound}{in_bytes(amount.bytes)}", chunks, stored
            verb = ""


def _table(rows: list[Row], indent: str) -> Iterator[str]:
    """Align places to the left and figures to the right."""
    if not rows:
        return
    place, plain, chunks = (max(len(row[column]) for row in rows) for column in (1, 2, 3))
    for verb, name, size, count, stored in rows:
        line = f"{verb:<7}  {name:<{place}}  {size:>{plain}}  {count:>{chunks}}  {stored}"
        yield f"{indent}{line}".rstrip()


def _between(bounds: Bounds) -> str:
    if bounds.exact:
        return in_bytes(bounds.upper)
    if not bounds.lower:
        return f"at most {in_bytes(bounds.upper)}"
    return f"{in_bytes(bounds.lower)} to {in_bytes(bounds.upper)}"


def _charged(charge: Charge) -> str:
    """Say what is to be paid, or the most that it can be."""
    if charge.upper is None:
        return "not known before it is done"
    most = in_money(charge.upper, charge.currency)
    return most if charge.exact else f"at most {most}"


def _requests(cost: Cost) -> str:
    stores = (amount.requests for amount in cost.reads if amount.source is Source.STORE)
    return counted(sum(stores), "request")


def _deleted(deletion: Deletion) -> str:
    share = f"{counted(deletion.chunks, deletion.what)} of {deletion.of:,} in {deletion.place}"
    return f"{share}, {in_bytes(deletion.bytes)} stored" if deletion.what == "chunk" else share


def _room(space: Space) -> str:
    needed = _between(Bounds(space.lower, space.upper))
    return f"{needed} of {in_bytes(space.free)} free in {space.path} for {' and '.join(space.what)}"


def _summary(plan: Plan) -> str:
    count = dict.fromkeys(Action, 0)
    for step in plan.steps:
        count[step.action] += 1
    if count[Action.BLOCKED]:
        return f"{count[Action.BLOCKED]} of {len(plan.steps)} operations cannot be done."
    if not count[Action.RUN] and not count[Action.DEFERRED]:
        return "Nothing to do."
    later = f", {count[Action.DEFERRED]} planned on the way" if count[Action.DEFERRED] else ""
    fetched = "" if plan.download is None else f", {_between(plan.download)} to fetch"
    charge = plan.charge
    paid = "" if charge is None or charge.upper == 0 else f", costs {_charged(charge)}"
    idle = f"{count[Action.UNCHANGED]} with nothing to do"
    return f"{count[Action.RUN]} to run{later}, {idle}{fetched}{paid}."
