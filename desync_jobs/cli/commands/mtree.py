"""`desync-run mtree`: everything in an archive."""

import click

from desync_jobs.cli.archives import ArchiveOptions, archive_options
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run mtree tree.catar",
    "desync-run mtree -s /srv/store tree.caidx",
    "zcat tree.catar.gz | desync-run mtree --style desync -",
)


@click.command("mtree", cls=Command, examples=_EXAMPLES)
@click.argument("archive")
@click.option("--style", type=click.Choice(["casync", "desync"]), help="Whose words; casync's.")
@archive_options
@one_line
@connected
def command(*, archive: str, reading: ArchiveOptions, style: str | None) -> OneLine:
    """Describe everything in ARCHIVE, with digests, as `casync mtree` does or `desync mtree`.

    ARCHIVE is a catar or an index of one, and may be '-' for standard input.
    """
    return reading.line("mtree", archive, {"style": style})
