"""`desync-run info`: what an index needs, and where it is."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run info disk.img.caibx -s /srv/store",
    "desync-run info new.caibx --seed old.caibx -c /var/cache/chunks -f plain",
)


@click.command("info", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@opt.optional_stores
@click.option(
    "--seed", multiple=True, metavar="INDEX", help="Index of a blob at hand; may be repeated."
)
@click.option("-c", "--cache", metavar="PLACE", help="Cache to look for chunks in.")
@click.option(
    "-f", "--format", "form", type=click.Choice(["json", "plain"]), help="Form of the output."
)
@opt.chunks_info
@opt.index_digest
@opt.no_cache
@one_line
@connected
def command(
    *,
    index: str,
    stores: tuple[str, ...],
    seed: tuple[str, ...],
    cache: str | None,
    form: str | None,
    chunks_info: str | None,
) -> OneLine:
    """Count the chunks of INDEX, and those already in stores, seeds and the cache.

    INDEX may be '-' for standard input.
    """
    fields = {
        "index": index,
        "seeds": seed or None,
        "format": form,
        "chunks_info": chunks_info,
    }
    return OneLine("info", fields, stores=stores, cache=cache)
