"""`desync-run list`: the names in an archive."""

import click

from desync_jobs.cli.command import Command
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run list tree.catar",
    "zcat tree.catar.gz | desync-run list -",
)


@click.command("list", cls=Command, examples=_EXAMPLES)
@click.argument("archive")
@one_line
def command(*, archive: str) -> OneLine:
    """List what is in ARCHIVE, as `casync list` does; it may be '-' for standard input."""
    return OneLine("list", {"archive": archive})
