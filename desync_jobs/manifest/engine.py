"""Engines: what a run works with."""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from desync_jobs.errors import Problem
from desync_jobs.manifest.base import OperationBase, Spec
from desync_jobs.manifest.locations import Kind
from desync_jobs.manifest.scalars import WholeNumber

if TYPE_CHECKING:
    from desync_jobs.manifest.job import JobSpec

_MOST_WORKERS: Final = 256
_TRANSPORTS: Final = ("tcp://", "tls://")

SPREAD_KINDS: Final = ("cache", "verify")
"""Kinds of operations that many machines can do together; all others are done by one."""


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

    @property
    def threads(self) -> int:
        """How many threads of this process work at a time."""
        return self.workers


class DaskEngineSpec(Spec):
    """Workers of a Dask cluster, which do `cache` and `verify`; this process does the rest.

    They have the same version of this program, reach the same stores, and look up secrets
    themselves: an environment variable is one of the worker's, and so is a file.
    """

    kind: Literal["dask"]
    """Runs on a Dask cluster."""
    scheduler: str | None = None
    """The address of the scheduler of a cluster that is there, such as `tcp://10.0.0.5:8786`."""
    workers: Annotated[int, WholeNumber(1, _MOST_WORKERS)] | None = None
    """How many processes to start on this machine for the time of the run, in place of a
    scheduler."""

    @property
    def threads(self) -> int:
        """How many threads of this process work at a time, on what is done here."""
        return _cores()


def _kind(value: object) -> str:
    """Return which of the two a table is, or is most like: it may leave out its kind."""
    kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
    return "dask" if kind == "dask" else "local"


EngineSpec: TypeAlias = Annotated[
    Annotated[LocalEngineSpec, Tag("local")] | Annotated[DaskEngineSpec, Tag("dask")],
    Discriminator(_kind),
]
ENGINES: Final[Mapping[str, type[Spec]]] = {"local": LocalEngineSpec, "dask": DaskEngineSpec}


def engine_problems(spec: "JobSpec") -> Iterator[Problem]:
    """Yield what a cluster cannot do of a job that is to run on one."""
    engine = spec.engine
    if not isinstance(engine, DaskEngineSpec):
        return
    if (engine.scheduler is None) == (engine.workers is None):
        message = "give one of scheduler, the address of a cluster, and workers, processes here"
        yield Problem(("engine",), message)
    if engine.scheduler is not None and not engine.scheduler.startswith(_TRANSPORTS):
        message = f"should begin with {' or '.join(_TRANSPORTS)}, not be {engine.scheduler!r}"
        yield Problem(("engine", "scheduler"), message)
    spread = [one for one in spec.operations.values() if one.kind in SPREAD_KINDS]
    if not spread:
        message = (
            f"a cluster does {' and '.join(SPREAD_KINDS)}, and the job has neither; "
            "leave the engine out"
        )
        yield Problem(("engine", "kind"), message)
    for name in sorted({name for one in spread for name in _places(spec, one)}):
        location = spec.place(name).location
        if location.kind is Kind.OTHER and location.scheme == "memory":
            section = "stores" if name in spec.stores else "caches"
            message = "is in the memory of one process, where no worker of a cluster can reach it"
            yield Problem((section, name, "url"), message)


def _places(spec: "JobSpec", operation: OperationBase) -> Iterator[Any]:
    for name in operation.access().places:
        for member in spec.members(name):
            if member in spec.stores or member in spec.caches:
                yield member
