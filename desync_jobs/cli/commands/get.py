"""`desync-run get`: an archive, put together from its chunks."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.fetching import Fetching, fetching
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run get tree.caidx tree.catar -s /srv/store",
    "desync-run get https://example.org/tree.caidx -s https://example.org/chunks/ | casync mtree -",
)


@click.command("get", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("archive", required=False)
@fetching(opt.required_stores)
@opt.index_digest
@one_line
@connected
def command(
    *,
    index: str,
    archive: str | None,
    sources: Fetching,
) -> OneLine:
    """Write the archive that INDEX describes to ARCHIVE, or to standard output.

    INDEX (caidx) may be '-' for standard input.
    """
    return sources.line("get", {"index": index, "archive": archive})
