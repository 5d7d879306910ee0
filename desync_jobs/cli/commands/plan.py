"""`desync-run plan`: what a run would do."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.jobs import adjusted, load_locked_from
from desync_jobs.cli.options import LimitOptions, RunOptions, limit_options, run_options
from desync_jobs.errors import EXIT_CHANGES, EXIT_DONE, UsageError

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
    _check_files(job, {"-o": output, "--deletions": deletions})
    loaded = load_locked_from(job, variables)
    from desync_jobs.cli.running import planned, show_plan, told_hindrances

    loaded = adjusted(
        loaded,
        concurrency=options.concurrency,
        targets=targets,
        limits=limits,
        keep_going=keep_going,
    )
    plan = planned(loaded, options)
    show_plan(plan, options)
    if deletions is not None:
        _list_deletions(plan, deletions)
    code = told_hindrances(plan)
    if code:
        return code
    if output is not None:
        _save(plan, job, targets, output)
    return EXIT_CHANGES if detailed_exitcode and plan.changes else EXIT_DONE


def _check_files(job: str, files: Mapping[str, str | None]) -> None:
    """Raise `UsageError` for what is no name of a file to be written."""
    for option, path in files.items():
        if path == "-":
            raise UsageError(f"{option} -: name a file; --json prints the plan")
        if path is not None and _is_same(path, job):
            raise UsageError(f"{option} {path}: this is the job itself; name another file")


def _is_same(path: str, job: str) -> bool:
    return os.path.exists(path) and os.path.exists(job) and os.path.samefile(path, job)


def _list_deletions(plan: "Plan", path: str) -> None:
    """Write down what operations would remove."""
    from desync_jobs.execute.published import publish_text
    from desync_jobs.planner.deletions import deletion_lines

    publish_text(path, "".join(f"{line}\n" for line in deletion_lines(plan)))


def _save(plan: "Plan", job: str, targets: tuple[str, ...], output: str) -> None:
    """Write the plan; the job is found from it as long as both stay where they are to another."""
    from desync_jobs.execute.published import publish_text
    from desync_jobs.planner.saved import saved_plan

    path = os.path.relpath(job, os.path.dirname(output) or ".")
    publish_text(output, saved_plan(plan, path, targets).text())
