"""`desync-run chop`: the chunks of a blob that already has an index."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run chop disk.img.caibx disk.img -s /srv/store",
    "desync-run chop new.img.caibx new.img -s /srv/update --ignore old.img.caibx",
)


@click.command("chop", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("blob")
@click.option(
    "-s", "--store", required=True, metavar="PLACE", help="Store that receives the chunks."
)
@opt.ignored_indexes
@opt.ignored_chunks
@opt.index_digest
@opt.no_cache
@one_line
@connected
def command(
    *,
    index: str,
    blob: str,
    store: str,
    ignore: tuple[str, ...],
    ignore_chunks: tuple[str, ...],
) -> OneLine:
    """Store the chunks of BLOB, cut as INDEX says.

    INDEX may be '-' for standard input.
    """
    fields = {
        "index": index,
        "blob": blob,
        "ignore": ignore or None,
        "ignore_chunks": ignore_chunks or None,
    }
    return OneLine("chop", fields, store=store)
