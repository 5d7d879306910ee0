"""`desync-run mount`: an archive as a directory tree, without unpacking it."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.archives import is_index_name, need_store_of_index
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.mounting import mount_fields, mount_options
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.store_file import take_stores

_EXAMPLES = (
    "desync-run mount root.catar /mnt/root",
    "desync-run mount -s /srv/store root.caidx /mnt/root",
)


@click.command("mount", cls=Command, examples=_EXAMPLES)
@click.argument("archive")
@click.argument("mountpoint")
@click.option(
    "-i",
    "--index",
    "chunked",
    is_flag=True,
    help="Read the index of an archive, for which the name x.caidx is enough.",
)
@mount_options
@opt.index_digest
@one_line
@connected
def command(**given: Any) -> OneLine:
    """Show ARCHIVE, a catar or an index of one, as a tree in the directory MOUNTPOINT.

    What is read of it is fetched, and nothing else. Owners are shown by their numbers, access lists
    as attributes that nothing enforces; attributes of chattr and FAT are not shown. It is there
    until somebody unmounts it, or until SIGTERM or SIGINT, which end it well: the exit code is 0.
    SIGHUP has it read the store file again.

    The store file says {"stores": ["PLACE", ...], "cache": "PLACE"}.
    """
    again = functools.partial(_line, dict(given))
    return replace(again(), again=again)


def _line(options: Mapping[str, Any]) -> OneLine:
    given = dict(options)
    archive = given["archive"]
    is_index = given["chunked"] or is_index_name(archive)
    stores, cache = take_stores(given, needed=False)
    if is_index:
        need_store_of_index(archive, stores)
    fields = {"index" if is_index else "archive": archive, **mount_fields(given)}
    return OneLine("mount", fields, stores=stores, cache=cache)
