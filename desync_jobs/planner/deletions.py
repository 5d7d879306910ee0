"""Everything that a plan removes, a line each, for somebody to look through."""

from collections.abc import Iterator

from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.planner.operations.migrate import MigrateFacts
from desync_jobs.planner.operations.prune import PruneDetail, PruneFacts, deletions
from desync_jobs.planner.plan import Plan
from desync_jobs.planner.step import Action, Step


def deletion_lines(plan: Plan) -> Iterator[str]:
    """Yield what each step removes; of one that will remove what nobody knows yet, just that."""
    for step in plan.steps:
        if step.action in (Action.RUN, Action.DEFERRED):
            for line in _removed(plan, step):
                yield f"{step.operation}: {line}"


def _removed(plan: Plan, step: Step) -> Iterator[str]:
    spec = plan.job.spec.operations[step.operation]
    mirrors = isinstance(spec, MigrateSpec) and spec.remove_gone
    if step.action is Action.DEFERRED:
        if mirrors or spec.access().deletes_from:
            yield f"not known yet, {step.reason}"
    elif isinstance(step.detail, PruneDetail) and isinstance(step.facts, PruneFacts):
        yield from deletions(step.detail, step.facts)
    elif isinstance(spec, MigrateSpec) and isinstance(step.facts, MigrateFacts):
        for name in step.facts.gone if mirrors else ():
            yield f"index {spec.indexes_to}: {name}"
    elif spec.access().deletes_from:
        yield "not known yet: chunks that turn out to be damaged"
