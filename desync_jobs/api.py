"""The Python interface, which the command line uses itself.

    job = desync_jobs.load("job.toml", {"version": "42"})
    print(explain(desync_jobs.plan(job)))
    result = desync_jobs.run(job)
    sys.exit(result.exit_code)

Errors of the manifest are raised by `load` (`ManifestError`). What goes wrong in an operation
is in the plan (a blocked step) or the result (an outcome's error), never raised.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.kernel import Kernel, best
from desync_jobs.execute.engines.choosing import engine_of
from desync_jobs.execute.engines.local import LocalEngine
from desync_jobs.execute.index_rules import rule_of
from desync_jobs.execute.plan_run import PlanRun
from desync_jobs.execute.prepare import make_plan
from desync_jobs.execute.progress import Progress
from desync_jobs.execute.result import Result
from desync_jobs.execute.task import Machine, Purpose, Streams
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.locked import load_locked_job
from desync_jobs.planner.plan import Plan
from desync_jobs.report.events import Reporter, SilentReporter
from desync_jobs.stores.places import Places

if TYPE_CHECKING:
    from desync_jobs.execute.status import JobStatus
    from desync_jobs.manifest.lock import Lock
    from desync_jobs.planner.saved import SavedPlan


@dataclass(frozen=True, slots=True)
class Settings:
    """What a caller may bring along; every default is right for a script."""

    reporter: Reporter = field(default_factory=SilentReporter)
    """Told of everything that happens."""
    cancel: Cancel = field(default_factory=Cancel)
    """Stops the run from another thread or a signal handler."""
    kernel: Kernel = field(default_factory=best)
    """What finds cut points and digests."""
    stdin: BinaryIO | None = None
    """What `-` reads; the process's standard input unless given."""
    stdout: BinaryIO | None = None
    """What `-` writes; the process's standard output unless given."""
    reload: Callable[[], Job] | None = None
    """Reads the job again, for servers that get SIGHUP; without it they take no note of that."""


def load(
    path: str | os.PathLike[str],
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Job:
    """Read a manifest; raises `ManifestError` with every problem it has.

    A lock beside it is obeyed. `environment` (the process's own unless given) supplies variables as
    `DESYNC_VAR_<NAME>` where `variables` does not.
    """
    return load_locked_job(
        path, variables or {}, os.environ if environment is None else environment
    )


def plan(job: Job, settings: Settings | None = None) -> Plan:
    """Look at the world and decide every step; changes nothing.

    Raises `ManifestError` for operations in conflict or in a cycle, and `InterruptedRunError` where
    `settings.cancel` was used.
    """
    with _machine(job, settings or Settings(), Purpose.PREVIEW) as machine:
        return make_plan(machine)


def status(job: Job, settings: Settings | None = None) -> "JobStatus":
    """See what of `job` is as declared, to do, or interrupted; changes nothing.

    Raises what `plan` raises.
    """
    from desync_jobs.execute.status import survey_status

    with _machine(job, settings or Settings(), Purpose.STATUS) as machine:
        return survey_status(machine)


def lock(job: Job, settings: Settings | None = None) -> "Lock":
    """Look at every index that `job` reads, and return the lock of what there is.

    A lock that the job has is not looked at. Raises the error of an operation that cannot be done,
    and what `plan` raises.
    """
    from desync_jobs.execute.locking import lock_of

    with _machine(job, settings or Settings(), Purpose.RUN) as machine:
        return lock_of(machine)


def run(job: Job, settings: Settings | None = None) -> Result:
    """Plan `job` and do what the plan says.

    Raises `ManifestError` for operations in conflict or in a cycle, and `LimitError` where the plan
    passes a limit of the job; then nothing is done.
    """
    with (
        _machine(job, settings or Settings(), Purpose.RUN) as machine,
        engine_of(machine) as engine,
    ):
        return PlanRun(replace(machine, engine=engine)).run()


def apply(job: Job, saved: "SavedPlan", source: str, settings: Settings | None = None) -> Result:
    """Carry out the plan that was saved in the file `source`, which was made of `job`.

    Raises `OutdatedError` where anything is not as it was when the plan was made; then nothing is
    done.
    """
    from desync_jobs.execute.applying import plan_as_saved

    with (
        _machine(job, settings or Settings(), Purpose.RUN) as machine,
        engine_of(machine) as engine,
    ):
        run = PlanRun(replace(machine, engine=engine)).run
        return run(lambda one: plan_as_saved(one, saved, source))


@contextmanager
def _machine(job: Job, settings: Settings, purpose: Purpose) -> Iterator[Machine]:
    stdin, stdout = settings.stdin or sys.stdin.buffer, settings.stdout or sys.stdout.buffer
    with closing(Places()) as places, Workers(job.spec.workers, settings.cancel) as workers:
        yield Machine(
            job=job,
            kernel=settings.kernel,
            workers=workers,
            cancel=settings.cancel,
            reporter=settings.reporter,
            progress=Progress(settings.reporter),
            streams=Streams(stdin, stdout, settings.cancel),
            engine=LocalEngine(workers),
            places=places,
            purpose=purpose,
            indexes=rule_of(job),
            reload=settings.reload,
        )
