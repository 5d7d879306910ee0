"""The engine that the manifest names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from desync_jobs.execute.engines.base import Engine
from desync_jobs.execute.task import Machine, Task
from desync_jobs.manifest.engine import DaskEngineSpec
from desync_jobs.stores.extras import need


@contextmanager
def engine_of(machine: Machine) -> Iterator[Engine[Task[Any]]]:
    """Have the engine of a job for as long as it runs.

    `ClusterError` where the cluster is not there, or a worker is of no use for this job;
    `UsageError` where Dask is missing.
    """
    spec = machine.job.spec.engine
    if not isinstance(spec, DaskEngineSpec):
        yield machine.engine
        return
    need("distributed", "dask", "engine dask")
    from desync_jobs.execute.engines.dask import connected

    with connected(spec, machine) as engine:
        yield engine
