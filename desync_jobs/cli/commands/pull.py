"""`desync-run pull`: the server side of casync's protocol."""

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine

_ABSENT = "-"
_EXAMPLES = (
    "desync-run pull - - - /srv/store",
    "desync-run pull - - /srv/disk.caibx https://images.example.org/store -c /var/cache/desync",
)


@click.command("pull", cls=Command, examples=_EXAMPLES)
@click.argument("base")
@click.argument("archive")
@click.argument("index")
@click.argument("stores", metavar="STORE...", nargs=-1, required=True)
@opt.optional_cache
@click.option("--log-level", hidden=True, expose_value=False, help="As casync gives it.")
@click.option("--rate-limit-bps", hidden=True, expose_value=False, help="As casync gives it.")
@opt.index_digest
@one_line
def command(
    *, base: str, archive: str, index: str, stores: tuple[str, ...], cache: str | None
) -> OneLine:
    """Serve chunks on standard input and output, as `casync pull` does it for its clients.

    Clients reach it with CASYNC_REMOTE_PATH=desync-run, as for example in
    `casync extract --store=host:/srv/store disk.caibx disk.img`.

    BASE and ARCHIVE are always '-'; INDEX is an index to serve, or '-'. The stores, of any
    kind, are asked in their order. Every ID of a request is answered.
    """
    for name, given in (("BASE", base), ("ARCHIVE", archive)):
        if given != _ABSENT:
            raise click.UsageError(
                f"the {name} given should be '-': only chunks and indexes are served"
            )
    fields = {"index": None if index == _ABSENT else index}
    return OneLine("pull", fields, stores=stores, cache=cache)
