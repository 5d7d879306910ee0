"""`desync-run get`: an archive, put together from its chunks."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.seeds import declared_seeds

_EXAMPLES = (
    "desync-run get tree.caidx tree.catar -s /srv/store",
    "desync-run get https://example.org/tree.caidx -s https://example.org/chunks/ | casync mtree -",
)


@click.command("get", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("archive", required=False)
@opt.required_stores
@opt.optional_cache
@opt.cache_repair
@opt.seed
@opt.seed_directory
@opt.chunks_info
@opt.index_digest
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    index: str,
    archive: str | None,
    stores: tuple[str, ...],
    cache: str | None,
    cache_repair: bool | None,
    seed: tuple[str, ...],
    seed_directory: tuple[str, ...],
    chunks_info: str | None,
) -> OneLine:
    """Write the archive that INDEX describes to ARCHIVE, or to standard output.

    INDEX (caidx) may be '-' for standard input.
    """
    fields = {
        "index": index,
        "archive": archive,
        "cache_repair": cache_repair,
        "chunks_info": chunks_info,
    }
    seeds = declared_seeds(seed, seed_directory)
    return OneLine("get", fields, stores=stores, cache=cache, seeds=seeds)
