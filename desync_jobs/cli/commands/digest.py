"""`desync-run digest`: the digest of a whole blob or tree."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.archives import ArchiveOptions, archive_options, is_index_name
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.kept import KeptOptions, kept_options
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run digest disk.img",
    "desync-run digest --with=unix /srv/root",
    "desync-run digest -s /srv/store root.caidx",
    "zcat disk.img.gz | desync-run digest --digest sha256 -",
)
_ARCHIVE = ".catar"
_BLOB_INDEX = ".caibx"


@click.command("digest", cls=Command, examples=_EXAMPLES)
@click.argument("read", metavar="BLOB|TREE")
@archive_options
@kept_options
@opt.digest
@one_line
@connected
def command(
    *, read: str, reading: ArchiveOptions, kept: KeptOptions, digest: str | None
) -> OneLine:
    """Print the digest of BLOB or of TREE, as `casync digest` does.

    What is called .catar is read as an archive, a directory as its archive, and what is called
    .caidx or .caibx, or with -i anything, as an index. All else is a blob; '-' is standard input.
    """
    key = reading.key(read)
    if read.endswith(_BLOB_INDEX) or is_index_name(read):
        key = "index"
    elif key == "archive" and not read.endswith(_ARCHIVE):
        key = "blob"
    return reading.line_on("digest", key, read, {**kept.fields(), "digest": digest})
