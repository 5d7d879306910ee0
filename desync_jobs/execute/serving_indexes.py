"""What `serve-indexes` serves, opened: a directory, or a place elsewhere."""

from desync_jobs.execute.opening import open_index_place
from desync_jobs.execute.operations.serve_indexes import survey_serve_indexes
from desync_jobs.execute.serving import Means
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.serve_indexes import ServeIndexesSpec
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.planner.operations.serve_indexes import plan_serve_indexes
from desync_jobs.server.index_app import IndexApp, Indexes
from desync_jobs.server.index_places import IndexDirectory, IndexObjects, IndexPlace

_ANY = "any.caibx"
"""Stands for the name of an index where only its place is wanted."""


def open_indexes(task: Task[ServeIndexesSpec], means: Means) -> IndexApp:
    """Open the place of the indexes; raises where it is not there."""
    spec = task.spec
    plan_serve_indexes(spec, survey_serve_indexes(task))
    location = task.path(spec.url)
    place: IndexPlace
    if url_scheme(location):
        url, mark, query = location.partition("?")
        objects, _ = open_index_place(task, f"{url.rstrip('/')}/{_ANY}{mark}{query}")
        place = IndexObjects(objects)
    else:
        place = IndexDirectory(location)
    served = Indexes(place, spec.max_index_size, writable=spec.writable, listing=spec.listing)
    return IndexApp(served, means.executor, means.metrics)
