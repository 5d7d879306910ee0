"""`desync-run verify-chunks`: whether every chunk of some indexes is there."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run verify-chunks new.caibx -s https://cdn.example/store/",
    "desync-run verify-chunks --root /srv/images -s /srv/store --content",
)


@click.command("verify-chunks", cls=Command, examples=_EXAMPLES)
@click.argument("indexes", metavar="[INDEX]...", nargs=-1)
@opt.required_stores
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="PLACE",
    help="Directory or URL below which every index counts; may be repeated.",
)
@click.option("--content", is_flag=True, help="Fetch and check every chunk.")
@click.option("--report", metavar="FILE", help="Write a JSON list of what is not as it should be.")
@one_line
@connected
def command(
    *,
    indexes: tuple[str, ...],
    stores: tuple[str, ...],
    roots: tuple[str, ...],
    content: bool,
    report: str | None,
) -> OneLine:
    """Look in the stores for every chunk of the INDEXes.

    Exit code 5 where one is missing, 4 where one is damaged, 1 where a store cannot tell. FILE may
    be '-' for standard output.
    """
    fields = {
        "indexes": list(indexes) or None,
        "roots": [{"url": one} for one in roots] or None,
        "content": content or None,
        "report": report,
    }
    return OneLine("verify-chunks", fields, stores=stores)
