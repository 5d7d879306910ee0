"""`desync-run verify`: whether every chunk of a store is sound."""

import click

from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run verify -s /srv/store",
    "desync-run verify -s /srv/store --repair",
)


@click.command("verify", cls=Command, examples=_EXAMPLES)
@click.option("-s", "--store", required=True, metavar="PLACE", help="Store to check.")
@click.option("-r", "--repair", is_flag=True, help="Remove damaged chunks.")
@click.option(
    "--digest",
    type=click.Choice(["auto", "sha512-256", "sha256"]),
    help="Digest that names the chunks; by default whichever fits.",
)
@one_line
@connected
def command(*, store: str, repair: bool, digest: str | None) -> OneLine:
    """Read every chunk of a store and check it; exit code 4 where one is damaged."""
    return OneLine("verify", {"repair": repair or None, "digest": digest}, store=store)
