"""Job → plan: look at the world, operation by operation, and let the planner decide."""

import os
from typing import Any, Final

from desync_jobs.errors import DesyncRunError, InterruptedRunError
from desync_jobs.execute.hands import hands_of
from desync_jobs.execute.opening import check_abilities
from desync_jobs.execute.target_folder import need_folder
from desync_jobs.execute.task import Machine, Purpose, Task
from desync_jobs.manifest.operations import OperationSpec
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.planner.decide import decide, defer
from desync_jobs.planner.order import Order, order_operations
from desync_jobs.planner.plan import Plan
from desync_jobs.planner.space import shortage
from desync_jobs.planner.step import Action, Step

_MAKE_FOLDERS: Final = frozenset({"publish", "migrate"})


def make_plan(machine: Machine) -> Plan:
    """Survey and plan every operation whose inputs are what they will be; changes nothing.

    An operation that cannot be done is a `BLOCKED` step with its error, so that one
    plan shows every obstacle. Raises `ManifestError` for conflicts and cycles.
    """
    order = order_operations(machine.job, os.path.realpath)
    steps: dict[str, Step] = {}
    for name in order.names:
        machine.cancel.check()
        # What an unchanged step writes is there already. Any other may write something else,
        # even where no change is known of: a listing is compared only when it is made.
        changing = frozenset(
            one for one in order.data[name] if steps[one].action is not Action.UNCHANGED
        )
        if changing:
            steps[name] = _defer(machine, order, name, changing)
        else:
            steps[name] = plan_operation(machine, order, name)
    return Plan(machine.job, tuple(steps.values()))


def _defer(machine: Machine, order: Order, name: str, changing: frozenset[str]) -> Step:
    spec = machine.job.spec.operations[name]
    try:
        check_abilities(Task(name, spec, machine))
    except DesyncRunError as error:
        return Step(name, spec.kind, Action.BLOCKED, "cannot be done", error=error)
    return defer(name, spec, order, changing)


def plan_operation(machine: Machine, order: Order, name: str) -> Step:
    """Survey and plan one operation as the world is now."""
    spec = machine.job.spec.operations[name]
    try:
        task = Task(name, spec, machine)
        check_abilities(task)
        facts = hands_of(spec.kind).survey(task)
        step = decide(name, spec, order, facts)
        if step.action is Action.RUN and not order.needs[name]:
            _need_folders(task)
        step = _looked_at(task, step)
        lacking = shortage(step.cost.space) if machine.purpose is Purpose.RUN else None
        if lacking is not None:
            raise lacking
    except InterruptedRunError:
        raise
    except DesyncRunError as error:
        return Step(name, spec.kind, Action.BLOCKED, "cannot be done", error=error)
    return step


def _need_folders(task: Task[OperationSpec]) -> None:
    """Raise `TargetError` where a file is to be written into a folder that does not exist.

    Not to be asked of an operation that comes after another one, which may make it. Where indexes
    are published, folders are made.
    """
    access = task.spec.access()
    if task.spec.kind not in _MAKE_FOLDERS:
        for path in (*access.writes, *access.plants):
            if not url_scheme(path):
                need_folder(task.path(path))


def _looked_at(task: Task[Any], step: Step) -> Step:
    """Find out what `step` costs exactly: for a preview, a limit, or a disk that may be small."""
    preview = hands_of(step.kind).preview
    machine = task.machine
    wanted = (
        machine.purpose is not Purpose.RUN
        or machine.job.spec.limits.on_costs
        or any(one.tight for one in step.cost.space)
    )
    if step.action is not Action.RUN or preview is None or not wanted:
        return step
    return preview(task, step)
