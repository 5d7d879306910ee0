"""A saved plan, carried out exactly or not at all."""

from dataclasses import replace

from desync_jobs.errors import OutdatedError
from desync_jobs.execute.prepare import make_plan
from desync_jobs.execute.task import Machine, Purpose
from desync_jobs.planner.changes import differences
from desync_jobs.planner.plan import Plan
from desync_jobs.planner.saved import SavedPlan, saved_plan
from desync_jobs.planner.space import shortage


def plan_as_saved(machine: Machine, saved: SavedPlan, source: str) -> Plan:
    """Plan anew, looking at all that the plan in the file `source` was made of.

    `OutdatedError` with every difference, and the error of a disk without enough room.
    """
    plan = make_plan(replace(machine, purpose=Purpose.PREVIEW))
    origin = saved.job
    found = differences(saved, saved_plan(plan, origin.path, origin.targets))
    if found:
        raise OutdatedError(source, found, "nothing was done; make a new plan with 'plan -o'")
    for step in plan.steps:
        lacking = shortage(step.cost.space)
        if lacking is not None:
            raise lacking
    return plan
