"""Engines: what a run works with."""

import os
from typing import Annotated, Final, Literal

from pydantic import Field

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.scalars import WholeNumber

_MOST_WORKERS: Final = 256


def _cores() -> int:
    """Return how many cores this process may use, as far as that is a number of workers."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(count, _MOST_WORKERS)


class LocalEngineSpec(Spec):
    """Threads of this process."""

    kind: Literal["local"] = "local"
    """Runs on this machine."""
    workers: Annotated[int, WholeNumber(1, _MOST_WORKERS)] = Field(default_factory=_cores)
    """How many threads work at a time; unless given the number of cores, and two more in a job with
    stores or caches that are not directories, whose answers are waited for."""
