"""`desync-run chunk`: where a blob would be cut."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run chunk disk.img",
    "desync-run chunk -m 16:64:256 -S 1048576 disk.img",
)


@click.command("chunk", cls=Command, examples=_EXAMPLES)
@click.argument("blob")
@opt.chunk_size
@click.option("-S", "--start", type=click.IntRange(min=0), metavar="BYTES", help="Where to begin.")
@opt.digest
@opt.cut
@one_line
def command(
    *,
    blob: str,
    chunk_size: str | None,
    start: int | None,
    digest: str | None,
    cut: str | None,
) -> OneLine:
    """List the chunks of BLOB: start, length and ID of each, separated by tabs.

    BLOB may be '-' for standard input. Nothing is stored.
    """
    fields = {
        "blob": blob,
        "chunk_size": chunk_size,
        "start": start or None,
        "digest": digest,
        "cut": cut,
    }
    return OneLine("chunk", fields)
