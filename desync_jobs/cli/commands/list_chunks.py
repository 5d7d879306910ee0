"""`desync-run list-chunks`: the chunk IDs of an index."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run list-chunks disk.img.caibx",
    "desync-run list-chunks disk.img.caibx | sort -u | wc -l",
)


@click.command("list-chunks", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@opt.index_digest
@opt.no_cache
@one_line
@connected
def command(*, index: str) -> OneLine:
    """List the chunk IDs of INDEX in its order, one a line, repeated ones too.

    INDEX may be '-' for standard input.
    """
    return OneLine("list-chunks", {"index": index})
