"""`desync-run publish`: chunks, then indexes, then what says which of them is current."""

from collections.abc import Iterator

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
    "desync-run publish v2.caibx -s store --to www --indexes-to www --indexes-to mirror --head now",
    "desync-run publish v2.caibx -s store --to a --indexes-to a --to b --indexes-to b",
)


@click.command("publish", cls=Command, examples=_EXAMPLES)
@click.argument("indexes", metavar="INDEX...", nargs=-1, required=True)
@opt.required_stores
@click.option(
    "--to", "filled", required=True, multiple=True, metavar="PLACE",
    help="Store that the public reads; may be repeated, once for each --indexes-to.",
)  # fmt: skip
@click.option(
    "--indexes-to", "places", required=True, multiple=True, metavar="PLACE",
    help="Directory or URL that gets the indexes. Further ones are mirrors, and get everything "
    "before the first does.",
)  # fmt: skip
@click.option(
    "--alias",
    "aliases",
    multiple=True,
    metavar="NAME=INDEX",
    help="A further name there of an INDEX, written after all of them; may be repeated.",
)
@click.option(
    "--pointer",
    "pointers",
    multiple=True,
    metavar="NAME=INDEX",
    help="Text file there with the name of an INDEX, written after them; may be repeated.",
)
@click.option("--head", metavar="NAME", help="JSON file there, written last, that names them.")
@opt.chunks_info
@opt.dry_run
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    indexes: tuple[str, ...],
    stores: tuple[str, ...],
    filled: tuple[str, ...],
    places: tuple[str, ...],
    aliases: tuple[str, ...],
    pointers: tuple[str, ...],
    head: str | None,
    chunks_info: str | None,
) -> OneLine:
    """Publish INDEXes with their chunks: nothing is seen of it before it is complete."""
    if len(filled) not in (1, len(places)):
        raise UsageError("give --to once, or once for each --indexes-to")
    mirrors: list[dict[str, str]] = [{"indexes_to": place} for place in places[1:]]
    if len(filled) > 1:
        for at, mirror in enumerate(mirrors, start=1):
            mirror["store"] = f"mirror-{at}"
    fields = {
        "indexes": list(indexes),
        "indexes_to": places[0],
        "mirrors": mirrors or None,
        "aliases": dict(_named(aliases, "--alias")) or None,
        "pointers": dict(_named(pointers, "--pointer")) or None,
        "head": head,
        "chunks_info": chunks_info,
    }
    return OneLine("publish", fields, store=filled[0], stores=stores, mirror_stores=filled[1:])


def _named(given: tuple[str, ...], option: str) -> Iterator[tuple[str, str]]:
    seen = set()
    for text in given:
        name, equals, index = text.partition("=")
        if not equals:
            raise UsageError(f"{option} {text!r}: write NAME=INDEX")
        if name in seen:
            raise UsageError(f"{option} {text!r}: {name} is given twice")
        seen.add(name)
        yield name, index
