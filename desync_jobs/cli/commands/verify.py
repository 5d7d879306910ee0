"""`desync-run verify`: whether every chunk of a store is sound."""

import click

from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run verify -s /srv/store",
    "desync-run verify -s /srv/store --repair",
    "desync-run verify -s /srv/store --repair-from https://mirror.example/store/",
    "desync-run verify -s /srv/store --sample 5% --report damaged.json",
)


@click.command("verify", cls=Command, examples=_EXAMPLES)
@click.option("-s", "--store", required=True, metavar="PLACE", help="Store to check.")
@click.option("-r", "--repair", is_flag=True, help="Remove damaged chunks.")
@click.option(
    "--repair-from",
    multiple=True,
    metavar="PLACE",
    help="Store that has good copies of damaged chunks; may be repeated.",
)
@click.option("--sample", metavar="PERCENT", help="Check that part of the chunks, by chance.")
@click.option("--progress", metavar="FILE", help="Go on there after an interruption.")
@click.option("--report", metavar="FILE", help="Write a JSON list of the damaged chunks.")
@click.option(
    "--max-deletion-share",
    metavar="PERCENT",
    help="Remove nothing where more of the store would go than this, by default 50%.",
)
@click.option(
    "--digest",
    type=click.Choice(["auto", "sha512-256", "sha256"]),
    help="Digest that names the chunks; by default whichever fits.",
)
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    store: str,
    repair: bool,
    repair_from: tuple[str, ...],
    sample: str | None,
    progress: str | None,
    report: str | None,
    max_deletion_share: str | None,
    digest: str | None,
) -> OneLine:
    """Read every chunk of a store and check it; exit code 4 where one is damaged.

    With --repair-from, a damaged chunk is replaced by a good copy, and the exit code is 0 where
    there was one of each. FILE of --report may be '-' for standard output.
    """
    fields = {
        "repair": repair or None,
        "sample": sample,
        "digest": digest,
        "progress": progress,
        "report": report,
    }
    limits = {} if max_deletion_share is None else {"max_deletion_share": max_deletion_share}
    return OneLine("verify", fields, store=store, repair_from=repair_from, limits=limits)
