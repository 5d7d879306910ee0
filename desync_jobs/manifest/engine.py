"""Engines: what a run works with."""

import os
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.paths import FilePath
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

    @property
    def threads(self) -> int:
        """How many threads of this process work at a time."""
        return self.workers


class DaskEngineSpec(Spec):
    """Workers of a Dask cluster, for what many machines can do together.

    That is `cache`, `make` of many blobs, `migrate`, `prune`, of which they read the indexes of its
    roots and list the store, and `verify`. This process does the rest, and looks at everything
    itself where only a plan is asked for, which needs no cluster. Workers have the same version of
    this program, reach the same stores and blobs, and look up secrets themselves: an environment
    variable is one of the worker's, and so is a file. What places allow a second is divided among
    them; requests in flight are counted in each. A scheduler can run anything on its workers and in
    this process, so it has to be trusted like them: ask one on another machine by `tls://`.
    """

    kind: Literal["dask"]
    """Runs on a Dask cluster."""
    scheduler: str | None = None
    """The address of the scheduler of a cluster that is there, such as `tcp://10.0.0.5:8786`."""
    workers: Annotated[int, WholeNumber(1, _MOST_WORKERS)] | None = None
    """How many processes to start on this machine for the time of the run, in place of a
    scheduler."""
    tls_ca: FilePath | None = None
    """Who vouches for the machines of a cluster that is asked by `tls://`, a PEM file; needs
    `tls_cert` and `tls_key`. Without the three they are as Dask's own configuration says."""
    tls_cert: FilePath | None = None
    """The certificate that this side shows, a PEM file."""
    tls_key: FilePath | None = None
    """The key of `tls_cert`, a PEM file."""

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
