"""`desync-run run`: a job file, carried out."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.jobs import adjusted, load_locked_from
from desync_jobs.cli.options import LimitOptions, RunOptions, limit_options, run_options

if TYPE_CHECKING:
    from desync_jobs.manifest.job import Job

_EXAMPLES = (
    "desync-run update.toml",
    "desync-run update.toml --var version=2.1 --keep-going",
    "desync-run run update.toml --events events.ndjson --quiet",
)


@click.command("run", cls=Command, examples=_EXAMPLES)
@click.argument("job")
@opt.variables
@opt.targets
@opt.keep_going
@limit_options
@opt.metrics
@opt.page
@run_options
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    job: str,
    variables: tuple[str, ...],
    targets: tuple[str, ...],
    keep_going: bool,
    limits: LimitOptions,
    metrics: str | None,
    page: str | None,
    options: RunOptions,
) -> int:
    """Carry out the operations of the job file JOB.

    What is already as declared is left alone, so a job can be run again at any
    time. 'desync-run JOB' is the same.
    """

    def load() -> "Job":
        loaded = load_locked_from(job, variables)
        return adjusted(
            loaded,
            concurrency=options.concurrency,
            targets=targets,
            limits=limits,
            keep_going=keep_going,
        )

    loaded = load()
    from desync_jobs.cli.running import run_job

    return run_job(loaded, replace(options, metrics=metrics, page=page), load)
