"""`desync-run plan`: what a run would do."""

import os
from typing import TYPE_CHECKING

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.failures import complain
from desync_jobs.cli.jobs import adjusted, load_locked_from
from desync_jobs.cli.options import LimitOptions, RunOptions, limit_options, run_options
from desync_jobs.cli.output import write_json, write_line
from desync_jobs.errors import EXIT_CHANGES, EXIT_DONE

if TYPE_CHECKING:
    from desync_jobs.planner.plan import Plan

_EXAMPLES = (
    "desync-run plan update.toml",
    "desync-run plan update.toml --var version=2.1 --json",
    "desync-run plan update.toml --quiet --detailed-exitcode",
    "desync-run plan update.toml -o update.plan",
)


@click.command("plan", cls=Command, examples=_EXAMPLES)
@click.argument("job")
@opt.variables
@opt.targets
@opt.keep_going
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 2 where a run would change something."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Save the plan in FILE, for 'desync-run apply FILE' to carry out.",
)
@click.option(
    "--deletions",
    metavar="FILE",
    help="Write every chunk and index that would be removed into FILE, a line each.",
)
@limit_options
@run_options
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    job: str,
    variables: tuple[str, ...],
    targets: tuple[str, ...],
    keep_going: bool,
    detailed_exitcode: bool,
    output: str | None,
    deletions: str | None,
    limits: LimitOptions,
    options: RunOptions,
) -> int:
    """Show what a run of JOB would do and why, and change nothing.

    Where an operation cannot be done, the exit code is that of its error, and where
    a limit would be passed it is 8; then no plan is saved.
    """
    loaded = load_locked_from(job, variables)
    from desync_jobs.cli.running import planned
    from desync_jobs.planner.explain import explain

    loaded = adjusted(
        loaded,
        concurrency=options.concurrency,
        targets=targets,
        limits=limits,
        keep_going=keep_going,
    )
    plan = planned(loaded, options)
    if options.as_json:
        write_json(plan.to_json())
    elif not options.quiet:
        write_line(explain(plan).rstrip("\n"))
    if deletions is not None:
        _list_deletions(plan, deletions)
    errors = [step.error for step in plan.blocked if step.error is not None]
    for error in errors:
        complain(str(error))
    if errors:
        return errors[0].exit_code
    if plan.passed_limit is not None:
        raise plan.passed_limit
    if output is not None:
        _save(plan, job, targets, output)
    return EXIT_CHANGES if detailed_exitcode and plan.changes else EXIT_DONE


def _list_deletions(plan: "Plan", path: str) -> None:
    """Write down what operations would remove."""
    from desync_jobs.execute.published import publish_text
    from desync_jobs.planner.operations.prune import PruneDetail, PruneFacts, deletions

    lines = [
        f"{step.operation}: {line}\n"
        for step in plan.steps
        if isinstance(step.detail, PruneDetail) and isinstance(step.facts, PruneFacts)
        for line in deletions(step.detail, step.facts)
    ]
    publish_text(path, "".join(lines))


def _save(plan: "Plan", job: str, targets: tuple[str, ...], output: str) -> None:
    """Write the plan; the job is found from it as long as both stay where they are to another."""
    from desync_jobs.execute.published import publish_text
    from desync_jobs.planner.saved import saved_plan

    path = os.path.relpath(job, os.path.dirname(output) or ".")
    publish_text(output, saved_plan(plan, path, targets).text())
