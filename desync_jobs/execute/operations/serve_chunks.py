"""Doing `serve-chunks`: chunks of stores over HTTP, until the run is stopped."""

from desync_jobs.execute.opening import source_facts
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.serve_chunks import ServeChunksSpec
from desync_jobs.planner.operations.serve_chunks import ServeChunksFacts
from desync_jobs.planner.step import Step
from desync_jobs.stores.extras import need


def survey_serve_chunks(task: Task[ServeChunksSpec]) -> ServeChunksFacts:
    """Look at the stores."""
    return ServeChunksFacts(source_facts(task, task.spec.stores))


def do_serve_chunks(task: Task[ServeChunksSpec], step: Step) -> Done:
    """Serve until the run is stopped, and answer what is under way then."""
    del step
    need("aiohttp", "server", f"{task.name}: {task.spec.kind}")
    # What speaks HTTP is imported for those who serve.
    from desync_jobs.execute.servers import run_server

    return run_server(task)
