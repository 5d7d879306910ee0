"""`desync-run cat`: a blob, or a part of it, as a stream."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.fetching import Fetching, fetching
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run cat disk.img.caibx -s /srv/store | dd of=/dev/sdb2 bs=1M",
    "desync-run cat -o 1048576 -l 512 disk.img.caibx sector.bin -s /srv/store",
    "desync-run cat --seed old.img.caibx new.img.caibx -s /srv/store | ssh host dd of=/dev/sdb2",
)


@click.command("cat", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("output", required=False)
@fetching(opt.required_stores)
@click.option("-o", "--offset", type=click.IntRange(min=0), metavar="BYTES", help="Where to begin.")
@click.option(
    "-l",
    "--length",
    type=click.IntRange(min=0),
    metavar="BYTES",
    help="How much to write; 0, the default, is up to the end.",
)
@opt.index_digest
@one_line
@connected
def command(
    *,
    index: str,
    output: str | None,
    sources: Fetching,
    offset: int | None,
    length: int | None,
) -> OneLine:
    """Write the blob that INDEX describes to OUTPUT, or to standard output.

    INDEX may be '-' for standard input.
    """
    part = {"offset": offset or None, "length": length or None}
    return sources.line("cat", {"index": index, "output": output, **part})
