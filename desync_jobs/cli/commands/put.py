"""`desync-run put`: an archive, as chunks in a store and an index."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run put tree.caidx tree.catar -s /srv/store",
    "ssh host casync make - /srv/root | desync-run put root.caidx - -s /srv/store",
)


@click.command("put", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("archive")
@click.option("-s", "--store", metavar="PLACE", help="Store that receives the chunks.")
@opt.chunk_size
@opt.cut
@one_line
@connected
def command(
    *, index: str, archive: str, store: str | None, chunk_size: str | None, cut: str | None
) -> OneLine:
    """Check ARCHIVE, cut it into chunks, store those, and write its INDEX.

    ARCHIVE (catar) may be '-' for standard input, INDEX (caidx) '-' for standard output.
    """
    fields = {"archive": archive, "index": index, "chunk_size": chunk_size, "cut": cut}
    return OneLine("put", fields, store=store)
