"""`desync-run mount-index`: a blob as a file, without extracting it."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.mounting import mount_fields, mount_options
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.store_file import take_stores

_MOST_THREADS = 256
_EXAMPLES = (
    "desync-run mount-index disk.img.caibx /mnt/disk -s /srv/store",
    "desync-run mount-index disk.img.caibx /mnt/disk --store-file stores.json",
    "desync-run mount-index disk.img.caibx /mnt/disk -s /srv/store --cor-file disk.copy",
)


@click.command("mount-index", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("mountpoint")
@mount_options
@click.option("--cor-file", metavar="FILE", help="Sparse file that keeps what is read.")
@click.option(
    "--cor-state-save",
    metavar="FILE",
    help="File that says what is in it, so that the next run goes on; by default its name with "
    "'.state' after it.",
)
@click.option(
    "--cor-state-init",
    metavar="FILE",
    help="State of another run with this index: what it names is fetched in the background.",
)
@click.option(
    "--cor-init-n",
    type=click.IntRange(0, _MOST_THREADS),
    metavar="N",
    help="Threads that do that, by default 10; 0 does not do it.",
)
@opt.index_digest
@one_line
@connected
def command(**given: Any) -> OneLine:
    """Show the blob that INDEX describes as a file in the directory MOUNTPOINT.

    The file is called as INDEX is, without what follows the last point; INDEX may be '-' for
    standard input. It is there until somebody unmounts it, or until SIGTERM or SIGINT, which end
    it well: the exit code is 0. SIGHUP has it read the store file again.

    With --cor-file what is read is kept in a file, and is not fetched again, in later runs either:
    its state is saved now and then, at SIGHUP, and at the end. A file of another index is begun
    anew; a file with something else in it is refused.

    The store file says {"stores": ["PLACE", ...], "cache": "PLACE"}.
    """
    again = functools.partial(_line, dict(given))
    return replace(again(), again=again)


def _line(options: Mapping[str, Any]) -> OneLine:
    given = dict(options)
    stores, cache = take_stores(given)
    fields = {"index": given["index"], **mount_fields(given), "copy_on_read": _copy(given)}
    return OneLine("mount-index", fields, stores=stores, cache=cache)


def _copy(given: Mapping[str, Any]) -> dict[str, object] | None:
    """Return what the options of the copy stand for; `UsageError` where they have no file."""
    file, threads = given["cor_file"], given["cor_init_n"]
    state, prefetch = given["cor_state_save"], given["cor_state_init"]
    if file is None:
        if (state, prefetch, threads) != (None, None, None):
            raise click.UsageError(
                "--cor-state-save, --cor-state-init and --cor-init-n need --cor-file"
            )
        return None
    if threads == 0:
        prefetch = threads = None
    keys = {"file": file, "state": state, "prefetch": prefetch, "prefetch_threads": threads}
    return {name: value for name, value in keys.items() if value is not None}
