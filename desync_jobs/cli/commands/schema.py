"""`desync-run schema`: the JSON Schemas of what is read and written."""

import click

from desync_jobs.cli.command import Command
from desync_jobs.cli.output import write_json

_EXAMPLES = (
    "desync-run schema job > job.schema.json",
    "desync-run schema event",
    "desync-run schema plan",
)


@click.command("schema", cls=Command, examples=_EXAMPLES)
@click.argument(
    "name",
    metavar="[job|event|plan]",
    type=click.Choice(["job", "event", "plan"]),
    default="job",
)
def command(*, name: str) -> int:
    """Print the JSON Schema of job files (job, the default), --events or 'plan --json'."""
    if name == "job":
        from desync_jobs.manifest.schema import job_schema

        write_json(job_schema())
    elif name == "event":
        from desync_jobs.report.schema import event_schema

        write_json(event_schema())
    else:
        from desync_jobs.planner.schema import plan_schema

        write_json(plan_schema())
    return 0
