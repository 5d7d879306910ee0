"""`desync-run mtree`: everything in an archive."""

import click

from desync_jobs.cli.command import Command
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run mtree tree.catar",
    "zcat tree.catar.gz | desync-run mtree --style desync -",
)


@click.command("mtree", cls=Command, examples=_EXAMPLES)
@click.argument("archive")
@click.option("--style", type=click.Choice(["casync", "desync"]), help="Whose words; casync's.")
@one_line
def command(*, archive: str, style: str | None) -> OneLine:
    """Describe everything in ARCHIVE, with digests, as `casync mtree` does or `desync mtree`.

    ARCHIVE may be '-' for standard input.
    """
    return OneLine("mtree", {"archive": archive, "style": style})
