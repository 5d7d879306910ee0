"""A job and its lock: the one is loaded as the other says."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from desync_jobs.errors import OutdatedError, UsageError
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.load import job_from_document, load_job
from desync_jobs.manifest.lock import Lock, lock_path, read_lock
from desync_jobs.manifest.read import absolute_directory, read_document
from desync_jobs.manifest.variables import given_outside

_CUTTING: Final = {"chunk_size", "cut", "digest"}
"""The keys of an operation that decide how a blob is cut and its chunks named."""


def load_locked_job(
    path: str | os.PathLike[str], variables: Mapping[str, str], environment: Mapping[str, str]
) -> Job:
    """Return the job in a file as `load_job` does, held to the lock beside it where there is one.

    Variables that nobody gives have the values that are locked. Raises `OutdatedError` where one is
    given another value, or the job itself has changed, and `UsageError` for what is no lock.
    """
    source = os.fspath(path)
    lock = read_lock(lock_path(source))
    if lock is None:
        return load_job(source, variables, environment)
    values = {
        name: value
        for name, value in lock.variables.items()
        if not given_outside(name, variables, environment)
    }
    job = load_job(source, {**values, **variables}, environment)
    check_declared(job, lock, lock_path(source))
    return replace(job, lock=lock)


def load_job_to_lock(
    path: str | os.PathLike[str], variables: Mapping[str, str], environment: Mapping[str, str]
) -> Job:
    """Return the job in a file as `load_job` does, to lock it anew.

    What a lock beside it says does not count, but for variables that have no other value.
    """
    source = os.fspath(path)
    document = read_document(source)
    try:
        lock = read_lock(lock_path(source)) or Lock()
    except UsageError:
        lock = Lock()
    locked = {
        name: value
        for name, value in lock.variables.items()
        if _wants_value(document, name) and not given_outside(name, variables, environment)
    }
    directory = absolute_directory(source)
    return job_from_document(document, directory, source, {**locked, **variables}, environment)


def _wants_value(document: Mapping[str, Any], name: str) -> bool:
    """Whether a job declares a variable called `name`, and no default of it."""
    declared = document.get("variables")
    spec = declared.get(name) if isinstance(declared, dict) else None
    return isinstance(spec, dict) and "default" not in spec


def cutting_of(job: Job) -> dict[str, dict[str, str]]:
    """Return how the operations of `job` that make chunks cut blobs."""
    found = {}
    for name, spec in job.spec.operations.items():
        if hasattr(spec, "chunk_size"):
            found[name] = spec.model_dump(mode="json", include=_CUTTING, exclude_none=True)
    return found


def check_declared(job: Job, lock: Lock, path: str) -> None:
    """Check that what `job` says itself is as it was locked; `OutdatedError` otherwise."""
    found = list(declared_differences(job, lock))
    if found:
        raise OutdatedError(path, found, advice(job))


def declared_differences(job: Job, lock: Lock) -> Iterator[str]:
    """Say which values of variables and which ways to cut are not those of `lock`."""
    yield from _differences("variable {}", lock.variables, job.variables)
    cutting = cutting_of(job)
    for name in dict.fromkeys((*lock.cutting, *cutting)):
        one = f"{{}} of operation {name}"
        yield from _differences(one, lock.cutting.get(name, {}), cutting.get(name, {}))


def _differences(words: str, locked: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys((*locked, *now)):
        if locked.get(name) != now.get(name):
            was = f"{locked[name]!r} is locked" if name in locked else "nothing is locked"
            found = f"the job has {now[name]!r}" if name in now else "the job has none"
            yield f"{words.format(name)}: {was}, {found}"


def advice(job: Job) -> str:
    """Say how a lock is renewed."""
    return f"'desync-run lock {job.source}' locks what is there now"
