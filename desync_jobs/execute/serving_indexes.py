"""What `serve-indexes` serves, opened: a directory, or a place elsewhere."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from desync_jobs.execute.leasing import lease_of
from desync_jobs.execute.opening import open_index_place
from desync_jobs.execute.operations.serve_indexes import survey_serve_indexes
from desync_jobs.execute.serving import Means
from desync_jobs.execute.task import Task
from desync_jobs.manifest.index_places import below
from desync_jobs.manifest.operations.serve_indexes import ServeIndexesSpec
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.planner.operations.serve_indexes import plan_serve_indexes
from desync_jobs.server.counting_on import PATIENCE
from desync_jobs.server.index_app import IndexApp, Indexes
from desync_jobs.server.index_places import IndexDirectory, IndexObjects, IndexPlace
from desync_jobs.server.leased_indexes import LeasedIndexes
from desync_jobs.stores.leases.role import Role

_ANY = "any.caibx"
"""Stands for the name of an index where only its place is wanted."""


def open_indexes(task: Task[ServeIndexesSpec], means: Means) -> IndexApp:
    """Open the place of the indexes; raises where it is not there."""
    spec = task.spec
    plan_serve_indexes(spec, survey_serve_indexes(task))
    location = task.path(spec.url)
    place: IndexPlace
    if url_scheme(location):
        objects, _ = open_index_place(task, below(location, _ANY))
        place = IndexObjects(objects)
    else:
        place = IndexDirectory(location)
    if spec.writable and spec.stores:
        place = LeasedIndexes(place, partial(_leased, task, location), task.warn)
    served = Indexes(place, spec.max_index_size, writable=spec.writable, listing=spec.listing)
    return IndexApp(served, means.executor, means.metrics)


@contextmanager
def _leased(task: Task[ServeIndexesSpec], location: str, name: str) -> Iterator[None]:
    """Have the leases of the stores whose chunks the index called `name` may have."""
    stores = {one for store in task.spec.stores for one in task.machine.job.spec.members(store)}
    with ExitStack() as held:
        for store in sorted(stores):
            lease = held.enter_context(lease_of(task, store, Role.WRITER, PATIENCE))
            if lease is not None and url_scheme(location):
                lease.publishes([below(location, name)])
        yield
