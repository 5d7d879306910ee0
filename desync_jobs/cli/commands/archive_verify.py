"""`desync-run archive-verify`: a directory, held against an archive."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.archives import ArchiveOptions, archive_options
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run archive-verify root.catar /srv/root",
    "desync-run archive-verify --ignore times --ignore owner -s /srv/store root.caidx /srv/root",
    "desync-run archive-verify -f json root.catar /srv/root > differences.json",
)


@click.command("archive-verify", cls=Command, examples=_EXAMPLES)
@click.argument("archive")
@click.argument("directory")
@archive_options
@click.option(
    "--ignore",
    multiple=True,
    metavar="ASPECT",
    help="What may differ: owner, permissions, times, xattrs, selinux, capabilities, flags or "
    "project; may be repeated.",
)
@click.option("--ignore-extra", is_flag=True, help="Let the directory have more.")
@click.option("-f", "--format", "form", type=click.Choice(["words", "json"]), help="Output.")
@opt.index_digest
@one_line
@connected
def command(
    *,
    archive: str,
    directory: str,
    reading: ArchiveOptions,
    ignore: tuple[str, ...],
    ignore_extra: bool,
    form: str | None,
) -> OneLine:
    """Check that DIRECTORY is what ARCHIVE says, and name every difference.

    ARCHIVE is a catar or an index of one, and may be '-' for standard input. Ends with the exit
    code 4 where something differs.
    """
    fields = {
        "directory": directory,
        "ignore": list(ignore) or None,
        "ignore_extra": ignore_extra or None,
        "format": form,
    }
    return reading.line("archive-verify", archive, fields)
