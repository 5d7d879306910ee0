"""`desync-run cache`: the chunks of indexes, copied from stores into a cache."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run cache disk.img.caibx -s /mnt/origin -c /var/cache/chunks",
    "desync-run cache new.caibx -s /mnt/origin -c /mnt/usb --ignore old.caibx",
)


@click.command("cache", cls=Command, examples=_EXAMPLES)
@click.argument("indexes", metavar="INDEX...", nargs=-1, required=True)
@opt.required_stores
@click.option(
    "-c", "--cache", required=True, metavar="PLACE", help="Store that receives the chunks."
)
@opt.ignored_indexes
@opt.ignored_chunks
@opt.chunks_info
@opt.index_digest
@opt.no_cache
@one_line
@connected
def command(
    *,
    indexes: tuple[str, ...],
    stores: tuple[str, ...],
    cache: str,
    ignore: tuple[str, ...],
    ignore_chunks: tuple[str, ...],
    chunks_info: str | None,
) -> OneLine:
    """Copy every chunk that an INDEX names from the stores into the cache."""
    fields = {
        "chunks_info": chunks_info,
        "indexes": indexes,
        "ignore": ignore or None,
        "ignore_chunks": ignore_chunks or None,
    }
    return OneLine("cache", fields, stores=stores, cache=cache)
