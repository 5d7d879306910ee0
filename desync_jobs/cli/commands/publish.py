"""`desync-run publish`: chunks, then indexes, then what says which of them is current."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine
from desync_jobs.errors import UsageError

_EXAMPLES = (
    "desync-run publish v2.caibx -s store --to /srv/chunks --indexes-to /srv/images",
    "desync-run publish v2.caibx -s store --to www --indexes-to www --alias latest.caibx=v2.caibx",
)


@click.command("publish", cls=Command, examples=_EXAMPLES)
@click.argument("indexes", metavar="INDEX...", nargs=-1, required=True)
@opt.required_stores
@click.option("--to", "store", required=True, metavar="PLACE", help="Store that the public reads.")
@click.option(
    "--indexes-to", required=True, metavar="PLACE", help="Directory or URL that gets the indexes."
)
@click.option(
    "--alias",
    "aliases",
    multiple=True,
    metavar="NAME=INDEX",
    help="A further name there of an INDEX, written after all of them; may be repeated.",
)
@click.option("--head", metavar="NAME", help="JSON file there, written last, that names them.")
@opt.chunks_info
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    indexes: tuple[str, ...],
    stores: tuple[str, ...],
    store: str,
    indexes_to: str,
    aliases: tuple[str, ...],
    head: str | None,
    chunks_info: str | None,
) -> OneLine:
    """Publish INDEXes with their chunks: nothing is seen of it before it is complete."""
    fields = {
        "indexes": list(indexes),
        "indexes_to": indexes_to,
        "aliases": dict(map(_alias, aliases)) or None,
        "head": head,
        "chunks_info": chunks_info,
    }
    return OneLine("publish", fields, store=store, stores=stores)


def _alias(text: str) -> tuple[str, str]:
    name, equals, index = text.partition("=")
    if not equals:
        raise UsageError(f"--alias {text!r}: write NAME=INDEX")
    return name, index
