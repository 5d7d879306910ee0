"""Chunk stores, indexes and the jobs that ship and keep large binary data.

`load` a manifest, `plan` it, `run` it; see `desync_jobs.api`. Names are imported when first
used, so that a program that only wants a part starts fast.
"""

from typing import TYPE_CHECKING

from desync_jobs._version import __version__

if TYPE_CHECKING:
    from desync_jobs.api import Settings, apply, load, lock, plan, run, status
    from desync_jobs.execute.result import Result
    from desync_jobs.execute.status import JobStatus
    from desync_jobs.manifest.job import Job
    from desync_jobs.planner.plan import Plan

__all__ = [
    "Job",
    "JobStatus",
    "Plan",
    "Result",
    "Settings",
    "__version__",
    "apply",
    "load",
    "lock",
    "plan",
    "run",
    "status",
]

_HOMES = {
    "Job": "desync_jobs.manifest.job",
    "JobStatus": "desync_jobs.execute.status",
    "Plan": "desync_jobs.planner.plan",
    "Result": "desync_jobs.execute.result",
    "Settings": "desync_jobs.api",
    "apply": "desync_jobs.api",
    "load": "desync_jobs.api",
    "lock": "desync_jobs.api",
    "plan": "desync_jobs.api",
    "run": "desync_jobs.api",
    "status": "desync_jobs.api",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
