"""`desync-run nbd-server`: a blob as a block device, over NBD."""

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
    "desync-run nbd-server -s /srv/store --socket disk.sock disk.img.caibx",
    "desync-run nbd-server -s https://origin.example.org/store -c cache -l :10809 disk.img.caibx",
)


@click.command("nbd-server", cls=Command, examples=_EXAMPLES)
@click.argument("index")
@click.option(
    "-l",
    "--listen",
    multiple=True,
    metavar="HOST:PORT",
    help="Where to listen, by default localhost:10809 unless there is --socket; may be repeated.",
)
@click.option("--socket", metavar="PATH", help="Unix socket to listen at.")
@click.option("--export", metavar="NAME", help="What clients call it; by default INDEX's name.")
@click.option(
    "--connections", type=click.IntRange(1, 4096), metavar="N", help="Most clients; by default 64."
)
@nbd_options
@opt.index_digest
@one_line
@connected
def command(**given: Any) -> OneLine:
    """Serve the blob that INDEX describes as a block device, over NBD, until stopped.

    It can only be read, by whoever can connect. Nothing is extracted: what clients read is fetched,
    and zeros are told as holes. Read it, for example, with
    `qemu-img convert 'nbd+unix:///?socket=disk.sock' copy.qcow2`.

    SIGTERM and SIGINT end the server well: it answers what is under way, and its exit code is 0.
    SIGHUP has it read the store file and secrets again.

    The store file says {"stores": ["PLACE", ...], "cache": "PLACE"}.
    """
    again = functools.partial(_line, dict(given))
    return replace(again(), again=again)


def _line(options: Mapping[str, Any]) -> OneLine:
    given = dict(options)
    fields = {
        "listen": given.pop("listen") or None,
        "socket": given.pop("socket"),
        "export": given.pop("export"),
        "connections": given.pop("connections"),
    }
    return nbd_line("serve-nbd", given, fields)
