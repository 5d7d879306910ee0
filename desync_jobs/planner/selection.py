"""A part of a job: some of its operations, with everything that they need."""

from collections.abc import Sequence
from dataclasses import replace

from desync_jobs.errors import UsageError
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.suggestions import did_you_mean
from desync_jobs.planner.order import Real, order_operations


def select(job: Job, names: Sequence[str], real: Real = str) -> Job:
    """Return `job` with no operations but `names` and those that must have succeeded before them.

    Raises `UsageError` for a name that is none, and `ManifestError` where the whole job has no
    order. `real` is that of `order_operations`.
    """
    operations = job.spec.operations
    for name in names:
        if name not in operations:
            hint = did_you_mean(name, operations)
            raise UsageError(f"{job.source}: no operation is called {name!r}{hint}")
    needs = order_operations(job, real).needs
    wanted: set[str] = set()
    open_ends = list(names)
    while open_ends:
        name = open_ends.pop()
        if name not in wanted:
            wanted.add(name)
            open_ends.extend(needs[name])
    kept = {name: spec for name, spec in operations.items() if name in wanted}
    return replace(job, spec=job.spec.model_copy(update={"operations": kept}))
