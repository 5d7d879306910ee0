"""`desync-run list`: the names in a tree."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.archives import ArchiveOptions, archive_options
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.kept import KeptOptions, kept_options
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run list tree.catar",
    "desync-run list -s https://example.org/chunks/ https://example.org/tree.caidx",
    "desync-run list --with=unix /srv/root",
    "zcat tree.catar.gz | desync-run list -",
)


@click.command("list", cls=Command, examples=_EXAMPLES)
@click.argument("tree")
@archive_options
@kept_options
@opt.digest
@one_line
@connected
def command(
    *, tree: str, reading: ArchiveOptions, kept: KeptOptions, digest: str | None
) -> OneLine:
    """List what is in TREE, as `casync list` does.

    TREE is an archive (catar), an index of one (caidx), or a directory; '-' is standard input.
    """
    fields = {**kept.fields(), "digest": digest}
    return reading.line_on("list", reading.key(tree), tree, fields)
