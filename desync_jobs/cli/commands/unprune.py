"""`desync-run unprune`: what `prune` put aside, brought back."""

import click

from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = ("desync-run unprune -s /srv/store --root /srv/images",)


@click.command("unprune", cls=Command, examples=_EXAMPLES)
@click.option(
    "-s", "--store", required=True, metavar="PLACE", help="Store to bring chunks back to."
)
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="PLACE",
    help="Directory or URL whose indexes come back too; may be repeated.",
)
@one_line
@connected
def command(*, store: str, roots: tuple[str, ...]) -> OneLine:
    """Bring back what 'prune --quarantine' put aside."""
    return OneLine("unprune", {"indexes_of": list(roots) or None}, store=store)
