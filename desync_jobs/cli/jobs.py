"""Jobs as commands get them: from a file, with variables and overrides of the command line."""

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from desync_jobs.cli.failures import complain
from desync_jobs.cli.options import LimitOptions
from desync_jobs.errors import UsageError

if TYPE_CHECKING:
    from desync_jobs.manifest.job import Job, JobSpec


def load_from(path: str, variables: Sequence[str]) -> "Job":
    """Load the job in a file, given the values of `--var`; `ManifestError` with every problem."""
    from desync_jobs.manifest.load import load_job

    return load_job(path, _assigned(variables), os.environ)


def load_to_lock_from(path: str, variables: Sequence[str]) -> "Job":
    """Load the job in a file in the same way, to lock it anew."""
    from desync_jobs.manifest.locked import load_job_to_lock

    return load_job_to_lock(path, _assigned(variables), os.environ)


def load_locked_from(path: str, variables: Sequence[str]) -> "Job":
    """Load the job in a file in the same way, held to the lock beside it where there is one."""
    from desync_jobs.manifest.locked import load_locked_job

    return load_locked_job(path, _assigned(variables), os.environ)


def _assigned(variables: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in variables:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--var {text}: write NAME=VALUE")
        if name in values:
            raise UsageError(f"--var {name} is given twice")
        values[name] = value
    return values


def adjusted(
    job: "Job",
    *,
    concurrency: int | None = None,
    keep_going: bool = False,
    targets: Sequence[str] = (),
    limits: LimitOptions | None = None,
) -> "Job":
    """Let the command line override a job's number of workers, limits, and what a failure stops.

    Where there are `targets`, nothing else is done than those operations and what they need.
    """
    if targets:
        from desync_jobs.planner.selection import select

        job = select(job, targets, os.path.realpath)
    spec = job.spec
    if concurrency is not None:
        if spec.engine.kind == "dask":
            raise UsageError("engine dask: the cluster decides how many work; leave out -n")
        engine = spec.engine.model_copy(update={"workers": concurrency})
        spec = spec.model_copy(update={"engine": engine})
    if limits is not None:
        spec = _limited(spec, limits)
    if keep_going:
        spec = spec.model_copy(update={"keep_going": True})
    return replace(job, spec=spec)


def _limited(spec: "JobSpec", given: LimitOptions) -> "JobSpec":
    from pydantic import ValidationError

    from desync_jobs.manifest.currencies import limit_remarks, price_problems
    from desync_jobs.manifest.limits import LimitsSpec
    from desync_jobs.manifest.problems import field_problems

    said = {key: value for key, value in asdict(given).items() if value is not None}
    try:
        parsed = LimitsSpec.model_validate(said)
    except ValidationError as error:
        problem = next(field_problems(error, said))
        option = str(problem.where[0]).replace("_", "-")
        raise UsageError(f"--{option}: {problem.message}") from error
    limits = spec.limits.model_copy(update={key: getattr(parsed, key) for key in said})
    limited = spec.model_copy(update={"limits": limits})
    for wrong in price_problems(limited):
        raise UsageError(f"--max-cost: {wrong.message}")
    for remark in limit_remarks(limited):
        complain(f"--max-cost: {remark}")
    return limited


def data_on_stdout(job: "Job") -> bool:
    """Whether an operation of the job writes its own data to standard output."""
    return any(operation.access().writes_stdout for operation in job.spec.operations.values())
