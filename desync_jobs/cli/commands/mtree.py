"""`desync-run mtree`: everything in a tree."""

from dataclasses import replace

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.archives import ArchiveOptions, archive_options
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.kept import KeptOptions, kept_options
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run mtree tree.catar",
    "desync-run mtree -s /srv/store tree.caidx",
    "desync-run mtree --without=privileged /srv/root",
    "zcat tree.catar.gz | desync-run mtree --style desync -",
)


@click.command("mtree", cls=Command, examples=_EXAMPLES)
@click.argument("tree")
@click.option("--style", type=click.Choice(["casync", "desync"]), help="Whose words; casync's.")
@archive_options
@kept_options
@opt.digest
@one_line
@connected
def command(
    *, tree: str, reading: ArchiveOptions, kept: KeptOptions, digest: str | None, style: str | None
) -> OneLine:
    """Describe everything in TREE, with digests, as `casync mtree` does or `desync mtree`.

    TREE is an archive (catar), an index of one (caidx), or a directory; '-' is standard input.
    """
    key = reading.key(tree)
    # To desync it is the digest of what is read, too.
    of_tree, of_index = (digest, None) if key == "directory" else (None, digest)
    fields = {**kept.fields(), "digest": of_tree, "style": style}
    return replace(reading.line_on("mtree", key, tree, fields), index_digest=of_index)
