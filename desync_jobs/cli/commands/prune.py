"""`desync-run prune`: a store without what no index needs."""

import functools

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine
from desync_jobs.errors import UsageError

_EXAMPLES = (
    "desync-run prune -s /srv/store images/*.caibx",
    "desync-run prune -s /srv/store --root /srv/images --grace 24h --yes",
    "desync-run prune -s /srv/store --root /srv/images --quarantine --yes",
)


@click.command("prune", cls=Command, examples=_EXAMPLES)
@click.argument("indexes", metavar="[INDEX]...", nargs=-1)
@click.option("-s", "--store", required=True, metavar="PLACE", help="Store to remove chunks from.")
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="PLACE",
    help="Directory or URL below which every index counts; may be repeated.",
)
@click.option(
    "--grace",
    default="0s",
    metavar="TIME",
    help="How long chunks stay that nobody needs, or that are new; by default they go at once.",
)
@click.option("--quarantine", is_flag=True, help="Put aside instead of removing; see 'unprune'.")
@click.option(
    "--max-deletion-share",
    metavar="PERCENT",
    help="Remove nothing where more of the store would go than this, by default 50%.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@opt.index_digest
@opt.no_cache
@opt.dry_run
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    indexes: tuple[str, ...],
    store: str,
    roots: tuple[str, ...],
    grace: str,
    quarantine: bool,
    max_deletion_share: str | None,
    yes: bool,
) -> OneLine:
    """Remove every chunk of a store that none of the INDEXes needs.

    Nothing is removed where an index cannot be read, where there is none, where the store has no
    chunk of any of them, or where too much of the store would go.
    """
    if not indexes and not roots:
        raise UsageError("no index says what is needed; name indexes, or a --root")
    fields = {
        "indexes": list(indexes) or None,
        "roots": [{"url": one} for one in roots] or None,
        "grace": grace,
        "quarantine": quarantine or None,
    }
    limits = {} if max_deletion_share is None else {"max_deletion_share": max_deletion_share}
    ask = None if yes else functools.partial(_ask, store)
    return OneLine("prune", fields, store=store, limits=limits, ask=ask)


def _ask(store: str) -> None:
    """Go on where somebody says so, at a terminal or through a pipe."""
    try:
        agreed = click.confirm(f"Remove every chunk of {store} that no index needs?", err=True)
    except click.Abort as error:  # nothing can be read
        raise UsageError("prune removes chunks: say --yes where nobody can be asked") from error
    if not agreed:
        raise UsageError("nothing was removed")
