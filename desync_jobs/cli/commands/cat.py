"""`desync-run cat`: a blob, or a part of it, as a stream."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.seeds import declared_seeds

_EXAMPLES = (
    "desync-run cat disk.img.caibx -s /srv/store | dd of=/dev/sdb2 bs=1M",
    "desync-run cat -o 1048576 -l 512 disk.img.caibx sector.bin -s /srv/store",
    "desync-run cat --seed old.img.caibx new.img.caibx -s /srv/store | ssh host dd of=/dev/sdb2",
)


@click.command("cat", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("output", required=False)
@opt.required_stores
@opt.optional_cache
@opt.cache_repair
@opt.seed
@opt.seed_directory
@click.option("-o", "--offset", type=click.IntRange(min=0), metavar="BYTES", help="Where to begin.")
@click.option(
    "-l",
    "--length",
    type=click.IntRange(min=0),
    metavar="BYTES",
    help="How much to write; 0, the default, is up to the end.",
)
@opt.chunks_info
@opt.index_digest
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    index: str,
    output: str | None,
    stores: tuple[str, ...],
    cache: str | None,
    cache_repair: bool | None,
    seed: tuple[str, ...],
    seed_directory: tuple[str, ...],
    offset: int | None,
    length: int | None,
    chunks_info: str | None,
) -> OneLine:
    """Write the blob that INDEX describes to OUTPUT, or to standard output.

    INDEX may be '-' for standard input.
    """
    fields = {
        "chunks_info": chunks_info,
        "index": index,
        "output": output,
        "cache_repair": cache_repair,
        "offset": offset or None,
        "length": length or None,
    }
    seeds = declared_seeds(seed, seed_directory)
    return OneLine("cat", fields, stores=stores, cache=cache, seeds=seeds)
