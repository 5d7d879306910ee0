"""`desync-run inspect-chunks`: every chunk of an index, with its sizes."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run inspect-chunks disk.img.caibx -s /srv/store",
    "desync-run inspect-chunks disk.img.caibx chunks.json -s /srv/store",
)


@click.command("inspect-chunks", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("output", required=False)
@click.option(
    "-s", "--store", metavar="PLACE", help="Store in which compressed sizes are looked up."
)
@opt.index_digest
@opt.no_cache
@one_line
@connected
def command(*, index: str, output: str | None, store: str | None) -> OneLine:
    """Describe every chunk of INDEX as JSON, in OUTPUT or on standard output.

    INDEX may be '-' for standard input.
    """
    return OneLine("inspect-chunks", {"index": index, "output": output}, store=store)
