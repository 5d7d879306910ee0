"""`desync-run diff`: what changed between two trees, or what two indexes share."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.archives import ArchiveOptions, archive_options
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.job_diff import or_of_jobs
from desync_jobs.cli.kept import KeptOptions, kept_options
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run diff old.catar new.catar",
    "desync-run diff -s /srv/store root-1.caidx root-2.caidx",
    "desync-run diff --ignore times /srv/root root.catar",
    "desync-run diff image-1.caibx image-2.caibx",
    "desync-run diff update.toml update-next.toml",
    "desync-run diff monday.plan tuesday.plan",
)
_BLOB_INDEX = ".caibx"


@click.command("diff", cls=Command, examples=_EXAMPLES)
@click.argument("old")
@click.argument("new")
@archive_options
@click.option(
    "--ignore",
    multiple=True,
    metavar="ASPECT",
    help="Leave out owner, permissions, times, xattrs, selinux, capabilities, flags or project; "
    "may be repeated.",
)
@click.option("-f", "--format", "form", type=click.Choice(["words", "json"]), help="Output.")
@kept_options
@opt.digest
@or_of_jobs
@one_line
@connected
def command(  # noqa: PLR0913 -- one parameter for each option
    *,
    old: str,
    new: str,
    reading: ArchiveOptions,
    ignore: tuple[str, ...],
    form: str | None,
    kept: KeptOptions,
    digest: str | None,
) -> OneLine:
    """Tell what changed from OLD to NEW.

    Each is a directory, an archive (catar), or an index of one (caidx) whose chunks are in a
    store. Of two indexes without a store, and of those of blobs (caibx), it is told how much they
    share, and what whoever has OLD fetches for NEW. Of two job files, or two plans that were saved,
    it is told what differs.
    """
    keys = [reading.key(tree) for tree in (old, new)]
    blobs = old.endswith(_BLOB_INDEX) and new.endswith(_BLOB_INDEX)
    if blobs or (keys == ["index", "index"] and not reading.sources.stores):
        return OneLine("diff-indexes", {"old": old, "new": new, "format": form})
    if "index" in keys and not reading.sources.stores:
        raise click.UsageError("the chunks of an index are in a store; name it with --store")
    fields = {
        "old": {keys[0]: old},
        "new": {keys[1]: new},
        "ignore": list(ignore) or None,
        "format": form,
        **kept.fields(),
        "digest": digest,
    }
    return reading.sources.line("diff", fields)
