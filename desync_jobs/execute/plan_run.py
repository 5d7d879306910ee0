"""Job → plan → result: steps one after the other, in the plan's order.

The first failure ends the run, or with `keep_going` only what depends on it. A step
counts as done when its doer has published everything; an interrupted one never does.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace

from desync_jobs.errors import DesyncRunError, InterruptedRunError
from desync_jobs.execute.deadline import deadline
from desync_jobs.execute.hands import hands_of
from desync_jobs.execute.leasing import writing_leases
from desync_jobs.execute.prepare import make_plan, plan_operation
from desync_jobs.execute.result import Done, Outcome, Result, Status
from desync_jobs.execute.task import Machine, Task
from desync_jobs.planner.limits import passed_limit
from desync_jobs.planner.order import order_operations
from desync_jobs.planner.plan import Plan
from desync_jobs.planner.step import Action, Step
from desync_jobs.report.events import RunFinished, RunStarted, StepFinished, StepStarted


class PlanRun:
    """One run of a job, whose steps are done as the engine of the machine does them."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._outcomes: dict[str, Outcome] = {}
        self._planned: dict[str, Step] = {}
        """The steps as they are known by now."""

    def run(self, prepare: Callable[[Machine], Plan] = make_plan) -> Result:
        """Plan, and do every step that can be done.

        Raises `ManifestError` for conflicts and cycles, `LimitError`, and what `prepare`
        raises where there is to be no run; whatever else goes wrong is in the result.
        """
        machine = self._machine
        order = order_operations(machine.job, os.path.realpath)
        names = order.names
        began = time.monotonic()
        machine.reporter.emit(
            RunStarted(
                machine.job.title,
                names,
                0,
                needs={name: tuple(sorted(order.needs[name])) for name in names},
                variables=machine.job.variables,
            )
        )
        try:
            with deadline(machine.cancel, machine.job.spec.limits.max_duration):
                self._carry_out(prepare(machine))
        except InterruptedRunError as error:
            self._outcomes = {name: self._stopped(name, error) for name in names}
        except DesyncRunError as error:
            machine.reporter.emit(
                RunFinished(error.exit_code, time.monotonic() - began, str(error))
            )
            raise
        seconds = time.monotonic() - began
        spec = machine.job.spec
        result = Result(machine.job.title, tuple(self._outcomes.values()), seconds, spec.keep_going)
        machine.reporter.emit(RunFinished(result.exit_code, seconds))
        return result

    def _carry_out(self, plan: Plan) -> None:
        if plan.passed_limit is not None:
            raise plan.passed_limit
        self._planned = {step.operation: step for step in plan.steps}
        self._machine.progress.expect(sum(step.cost.work for step in plan.steps))
        for step in plan.steps:
            self._outcomes[step.operation] = self._step(plan, step)

    def _stopped(self, name: str, error: InterruptedRunError) -> Outcome:
        kind = self._machine.job.spec.operations[name].kind
        return Outcome(name, kind, Status.INTERRUPTED, "the run was stopped", error=error)

    def _step(self, plan: Plan, step: Step) -> Outcome:
        hindrance = self._hindrance(plan, step)
        if hindrance is not None:
            outcome = Outcome(step.operation, step.kind, Status.SKIPPED, hindrance)
        else:
            outcome = self._timed(step)
        self._machine.reporter.emit(
            StepFinished(
                outcome.operation,
                outcome.kind,
                outcome.status.value,
                outcome.seconds,
                outcome.statistics,
                None if outcome.error is None else str(outcome.error),
                outcome.reason,
            )
        )
        return outcome

    def _hindrance(self, plan: Plan, step: Step) -> str | None:
        """Say why `step` must not begin, or None where it may."""
        for name in step.needs:
            if not self._outcomes[name].succeeded:
                return f"needs {name}, which did not succeed"
        keep_going = self._machine.job.spec.keep_going
        if not keep_going and (plan.blocked and step not in plan.blocked):
            return f"{plan.blocked[0].operation} cannot be done, so nothing was begun"
        for outcome in self._outcomes.values():
            if outcome.status is Status.INTERRUPTED:
                return "the run was stopped"
            if outcome.status is Status.FAILED and not keep_going:
                return f"{outcome.operation} failed"
        return None

    def _timed(self, step: Step) -> Outcome:
        began = time.monotonic()
        reason = step.reason
        try:
            self._machine.cancel.check()
            if step.action is Action.DEFERRED:
                step = self._plan_now(step)
                reason = step.reason
            done = self._do(step)
        except InterruptedRunError as error:
            done = Done(Status.INTERRUPTED, error=error)
        except DesyncRunError as error:
            done = Done(Status.FAILED, error=error)
        seconds = time.monotonic() - began
        return Outcome(
            step.operation, step.kind, done.status, reason, seconds, done.statistics, done.error
        )

    def _plan_now(self, step: Step) -> Step:
        order = order_operations(self._machine.job, os.path.realpath)
        planned = plan_operation(self._machine, order, step.operation)
        self._planned[step.operation] = planned
        limit = passed_limit(self._machine.job, self._planned.values())
        if limit is not None:
            raise limit
        self._machine.progress.expect(planned.cost.work)
        return planned

    def _do(self, step: Step) -> Done:
        if step.error is not None:
            raise step.error
        if step.action is Action.UNCHANGED:
            return Done(Status.UNCHANGED, step.statistics)
        machine = self._machine
        machine.reporter.emit(StepStarted(step.operation, step.kind, step.reason))
        spec = machine.job.spec.operations[step.operation]
        task = Task(step.operation, spec, machine)
        with writing_leases(task) as leases:
            return hands_of(spec.kind).do(replace(task, leases=leases), step)
