"""`desync-run status`: how things stand with a job."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.failures import complain
from desync_jobs.cli.jobs import adjusted, load_locked_from
from desync_jobs.cli.options import RunOptions, run_options
from desync_jobs.cli.output import write_json, write_line

_EXAMPLES = (
    "desync-run status update.toml",
    "desync-run status update.toml --var version=2.1 --json",
)


@click.command("status", cls=Command, examples=_EXAMPLES)
@click.argument("job")
@opt.variables
@opt.targets
@run_options
def command(
    *, job: str, variables: tuple[str, ...], targets: tuple[str, ...], options: RunOptions
) -> int:
    """Show what of JOB is as declared, to do, or interrupted, and change nothing.

    Of an interrupted extraction it says how much is right already, and where that is kept: the
    next run goes on with it. The exit code is 0 where all is as declared, 2 where something is
    to do, and that of the error where an operation cannot be done.
    """
    loaded = adjusted(
        load_locked_from(job, variables), concurrency=options.concurrency, targets=targets
    )
    from desync_jobs.cli.running import status_of
    from desync_jobs.execute.status_words import describe

    status = status_of(loaded, options)
    if options.as_json:
        write_json(status.to_json())
    elif not options.quiet:
        write_line(describe(status))
    for one in status.operations:
        if one.error is not None:
            alone = len(status.operations) == 1
            complain(str(one.error) if alone else f"{one.operation}: {one.error}")
    return status.exit_code
