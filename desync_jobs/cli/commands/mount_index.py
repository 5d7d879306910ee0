"""`desync-run mount-index`: a blob as a file, without extracting it."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.mounting import mount_fields, mount_options
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.store_file import take_stores

_EXAMPLES = (
    "desync-run mount-index disk.img.caibx /mnt/disk -s /srv/store",
    "desync-run mount-index disk.img.caibx /mnt/disk --store-file stores.json",
)


@click.command("mount-index", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("mountpoint")
@mount_options
@one_line
@connected
def command(**given: Any) -> OneLine:
    """Show the blob that INDEX describes as a file in the directory MOUNTPOINT.

    The file is called as INDEX is, without what follows the last point; INDEX may be '-' for
    standard input. It is there until somebody unmounts it, or until SIGTERM or SIGINT, which end
    it well: the exit code is 0. SIGHUP has it read the store file again.

    The store file says {"stores": ["PLACE", ...], "cache": "PLACE"}.
    """
    again = functools.partial(_line, dict(given))
    return replace(again(), again=again)


def _line(options: Mapping[str, Any]) -> OneLine:
    given = dict(options)
    stores, cache = take_stores(given)
    fields = {"index": given["index"], **mount_fields(given)}
    return OneLine("mount-index", fields, stores=stores, cache=cache)
