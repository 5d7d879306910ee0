"""Locking a job: what its names stand for now."""

from collections.abc import Iterator
from dataclasses import replace

from desync_jobs.execute.index_rules import IndexNotes, difference
from desync_jobs.execute.prepare import make_plan
from desync_jobs.execute.task import Machine
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.lock import Lock
from desync_jobs.manifest.locked import cutting_of, declared_differences


def lock_of(machine: Machine) -> Lock:
    """Look at every index that the job reads, and return the lock of what there is.

    Raises the error of the first operation that cannot be done, and what `make_plan` raises.
    """
    notes = IndexNotes()
    plan = make_plan(replace(machine, indexes=notes))
    for step in plan.blocked:
        if step.error is not None:
            raise step.error
    job = machine.job
    return Lock(
        variables=dict(sorted(job.variables.items())),
        indexes=dict(sorted(notes.found.items())),
        cutting=cutting_of(job),
    )


def lock_differences(job: Job, old: Lock, new: Lock) -> Iterator[str]:
    """Say what of `old` does not hold any more, where `new` is the lock of `job` by now."""
    if old.program != new.program:
        yield f"written by version {old.program}, this is {new.program}"
    yield from declared_differences(job, old)
    for name in dict.fromkeys((*old.indexes, *new.indexes)):
        found = difference(name, old.indexes.get(name), new.indexes.get(name))
        if found is not None:
            yield found
