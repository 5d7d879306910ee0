"""`desync-run graph`: the order of a job's operations, drawn."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.jobs import load_from
from desync_jobs.cli.options import RunOptions
from desync_jobs.cli.output import write_line

_EXAMPLES = (
    "desync-run graph update.toml --format mermaid",
    "desync-run graph update.toml --format dot | dot -Tsvg > update.svg",
)


@click.command("graph", cls=Command, examples=_EXAMPLES)
@click.argument("job")
@opt.variables
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "dot"]),
    default="mermaid",
    help="Language of the drawing; by default mermaid.",
)
def command(*, job: str, variables: tuple[str, ...], form: str) -> int:
    """Draw the operations of JOB, what each waits for, and what would be done."""
    loaded = load_from(job, variables)
    from desync_jobs.cli.running import planned
    from desync_jobs.planner import graph

    plan = planned(loaded, RunOptions(quiet=True))
    write_line((graph.dot(plan) if form == "dot" else graph.mermaid(plan)).rstrip("\n"))
    return 0
