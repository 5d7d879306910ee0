"""`desync-run verify-index`: whether a blob is the one its index describes."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run verify-index disk.img.caibx disk.img",
    "ssh server cat disk.img.caibx | desync-run verify-index - /dev/sdb2",
)


@click.command("verify-index", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("blob")
@opt.index_digest
@opt.no_cache
@one_line
@connected
def command(*, index: str, blob: str) -> OneLine:
    """Check that BLOB is the one that INDEX describes; exit code 4 where it is not.

    INDEX may be '-' for standard input.
    """
    return OneLine("verify-index", {"index": index, "blob": blob})
