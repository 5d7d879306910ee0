"""`desync-run list`: the names in an archive."""

import click

from desync_jobs.cli.archives import ArchiveOptions, archive_options
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run list tree.catar",
    "desync-run list -s https://example.org/chunks/ https://example.org/tree.caidx",
    "zcat tree.catar.gz | desync-run list -",
)


@click.command("list", cls=Command, examples=_EXAMPLES)
@click.argument("archive")
@archive_options
@one_line
@connected
def command(*, archive: str, reading: ArchiveOptions) -> OneLine:
    """List what is in ARCHIVE, as `casync list` does.

    ARCHIVE is a catar or an index of one, and may be '-' for standard input.
    """
    return reading.line("list", archive, {})
