"""`desync-run digest`: the digest of a whole blob."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run digest disk.img",
    "zcat disk.img.gz | desync-run digest --digest sha256 -",
)


@click.command("digest", cls=Command, examples=_EXAMPLES)
@click.argument("blob")
@opt.digest
@one_line
def command(*, blob: str, digest: str | None) -> OneLine:
    """Print the digest of BLOB, which may be '-' for standard input."""
    return OneLine("digest", {"blob": blob, "digest": digest})
