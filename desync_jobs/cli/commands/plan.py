"""`desync-run plan`: what a run would do."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.failures import complain
from desync_jobs.cli.jobs import adjusted, load_from
from desync_jobs.cli.options import RunOptions, run_options
from desync_jobs.cli.output import write_json, write_line
from desync_jobs.errors import EXIT_CHANGES, EXIT_DONE

_EXAMPLES = (
    "desync-run plan update.toml",
    "desync-run plan update.toml --var version=2.1 --json",
    "desync-run plan update.toml --quiet --detailed-exitcode",
)


@click.command("plan", cls=Command, examples=_EXAMPLES)
@click.argument("job")
@opt.variables
@opt.targets
@opt.keep_going
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 2 where a run would change something."
)
@run_options
def command(
    *,
    job: str,
    variables: tuple[str, ...],
    targets: tuple[str, ...],
    keep_going: bool,
    detailed_exitcode: bool,
    options: RunOptions,
) -> int:
    """Show what a run of JOB would do and why, and change nothing.

    Where an operation cannot be done, the exit code is that of its error.
    """
    loaded = load_from(job, variables)
    from desync_jobs.cli.running import planned
    from desync_jobs.planner.explain import explain

    loaded = adjusted(
        loaded, concurrency=options.concurrency, targets=targets, keep_going=keep_going
    )
    plan = planned(loaded, options)
    if options.as_json:
        write_json(plan.to_json())
    elif not options.quiet:
        write_line(explain(plan).rstrip("\n"))
    errors = [step.error for step in plan.blocked if step.error is not None]
    for error in errors:
        complain(str(error))
    if errors:
        return errors[0].exit_code
    return EXIT_CHANGES if detailed_exitcode and plan.changes else EXIT_DONE
