"""`desync-run mkdev`: a blob as a block device of this machine."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.nbd import nbd_line, nbd_options
from desync_jobs.cli.oneline import OneLine

_EXAMPLES = (
    "desync-run mkdev -s /srv/store disk.img.caibx",
    "desync-run mkdev -s /srv/store disk.img.caibx /dev/nbd3",
)


@click.command("mkdev", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.argument("device", required=False)
@nbd_options
@opt.index_digest
@one_line
@connected
def command(**given: Any) -> OneLine:
    """Attach the blob that INDEX describes to the block device DEVICE until stopped.

    DEVICE is /dev/nbdN, by default the first that is free. It takes a kernel with network block
    devices, the program nbd-client, and root. SIGTERM and SIGINT detach it, with exit code 0;
    SIGHUP has the store file and secrets read again.

    The store file says {"stores": ["PLACE", ...], "cache": "PLACE"}.
    """
    again = functools.partial(_line, dict(given))
    return replace(again(), again=again)


def _line(options: Mapping[str, Any]) -> OneLine:
    given = dict(options)
    return nbd_line("mkdev", given, {"device": given.pop("device")})
