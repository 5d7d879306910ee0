"""`desync-run apply`: a saved plan, carried out."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.jobs import adjusted
from desync_jobs.cli.options import LimitOptions, RunOptions, limit_options, run_options
from desync_jobs.errors import SourceError

if TYPE_CHECKING:
    from desync_jobs.manifest.job import Job

_EXAMPLES = (
    "desync-run apply update.plan",
    "desync-run apply update.plan --json --events events.ndjson",
)


@click.command("apply", cls=Command, examples=_EXAMPLES)
@click.argument("saved", metavar="PLAN")
@limit_options
@opt.metrics
@opt.page
@run_options
def command(
    *, saved: str, limits: LimitOptions, metrics: str | None, page: str | None, options: RunOptions
) -> int:
    """Carry out exactly what PLAN says, a file that 'plan -o' wrote.

    The job, its variables, its indexes, targets and stores are looked at again, and the directory
    trees that it reads: names, sizes, times, modes and owners of everything in them. Where anything
    is not as it was when the plan was made, nothing is done and the exit code is 6. Operations that
    read what an earlier one of the same job writes are planned when that one is done.
    """
    from desync_jobs.cli.running import apply_saved
    from desync_jobs.execute.published import read_published
    from desync_jobs.manifest.locked import load_locked_job
    from desync_jobs.planner.saved import SIZE_LIMIT, parse_saved

    data = read_published(saved, SIZE_LIMIT)
    if data is None:
        raise SourceError(f"{saved}: no such file; 'desync-run plan JOB -o {saved}' makes one")
    document = parse_saved(data, saved)
    origin = document.job

    def load() -> "Job":
        path = os.path.normpath(os.path.join(os.path.dirname(saved), origin.path))
        return adjusted(
            load_locked_job(path, origin.variables, {}),
            concurrency=options.concurrency,
            targets=origin.targets,
            limits=limits,
            keep_going=origin.keep_going,
        )

    return apply_saved(load(), document, saved, replace(options, metrics=metrics, page=page))
