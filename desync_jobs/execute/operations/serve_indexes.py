"""Doing `serve-indexes`: indexes over HTTP, until the run is stopped."""

import os

from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.serve_indexes import ServeIndexesSpec
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.planner.operations.serve_indexes import ServeIndexesFacts
from desync_jobs.planner.step import Step
from desync_jobs.stores.extras import need


def survey_serve_indexes(task: Task[ServeIndexesSpec]) -> ServeIndexesFacts:
    """Look at the place of the indexes."""
    location = task.path(task.spec.url)
    return ServeIndexesFacts(location, bool(url_scheme(location)) or os.path.isdir(location))


def do_serve_indexes(task: Task[ServeIndexesSpec], step: Step) -> Done:
    """Serve until the run is stopped, and answer what is under way then."""
    del step
    need("aiohttp", "server", f"{task.name}: {task.spec.kind}")
    # What speaks HTTP is imported for those who serve.
    from desync_jobs.execute.servers import run_server

    return run_server(task)
