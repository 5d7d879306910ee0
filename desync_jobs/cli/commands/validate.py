"""`desync-run validate`: job files, checked without looking at anything they name."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.failures import complain
from desync_jobs.cli.jobs import load_from
from desync_jobs.cli.output import write_json, write_line
from desync_jobs.errors import EXIT_DONE, EXIT_USAGE, ManifestError, Problem

_EXAMPLES = (
    "desync-run validate update.toml",
    "desync-run validate jobs/nightly.toml jobs/weekly.toml --var version=2.1",
    "desync-run validate --json update.toml",
)


@click.command("validate", cls=Command, examples=_EXAMPLES)
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True)
@opt.variables
@opt.as_json
def command(*, jobs: tuple[str, ...], variables: tuple[str, ...], as_json: bool) -> int:
    """Check each JOB and report every problem; exit code 64 where there is one.

    Nothing that a job names is looked at: no store, no index, no blob.
    """
    found = {job: _problems(job, variables) for job in jobs}
    if as_json:
        write_json({"jobs": [_as_json(job, problems) for job, problems in found.items()]})
    else:
        for job, problems in found.items():
            _say(job, problems)
    return EXIT_USAGE if any(found.values()) else EXIT_DONE


def _problems(job: str, variables: tuple[str, ...]) -> tuple[Problem, ...]:
    from desync_jobs.planner.order import order_operations

    try:
        order_operations(load_from(job, variables))
    except ManifestError as error:
        return error.problems
    return ()


def _say(job: str, problems: tuple[Problem, ...]) -> None:
    if not problems:
        write_line(f"{job}: valid")
    for problem in problems:
        complain(f"{job}: {problem}")


def _as_json(job: str, problems: tuple[Problem, ...]) -> dict[str, object]:
    return {
        "job": job,
        "valid": not problems,
        "problems": [
            {"where": list(problem.where), "message": problem.message} for problem in problems
        ],
    }
