"""`desync-run index-server`: indexes over HTTP."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from desync_jobs.cli import options as opt
from desync_jobs.cli.command import Command
from desync_jobs.cli.connection import connected
from desync_jobs.cli.decorator import one_line
from desync_jobs.cli.oneline import OneLine
from desync_jobs.cli.server import server_fields, server_options

_EXAMPLES = (
    "desync-run index-server -s /srv/indexes -l :8080",
    "desync-run index-server -s /srv/indexes -w --authorization-file /etc/desync/auth",
)


@click.command("index-server", cls=Command, examples=_EXAMPLES)
@click.option(
    "-s", "--store", required=True, metavar="PLACE", help="Directory or URL of the indexes."
)
@click.option("-w", "--writable", "--writeable", is_flag=True, help="Let clients write indexes.")
@click.option(
    "--chunk-store",
    "stores",
    multiple=True,
    metavar="STORE",
    help="Store with the chunks of the indexes, which no prune deletes from while an index is "
    "written; may be repeated.",
)
@click.option("--listing", is_flag=True, help="Tell the names of all indexes at '/'.")
@server_options
@opt.index_digest
@opt.no_cache
@one_line
@connected
def command(**given: Any) -> OneLine:
    """Serve index files over HTTP until stopped.

    SIGTERM and SIGINT end the server well: it answers what is under way, and its exit code is 0.
    SIGHUP has it read certificates and secrets again.
    """
    again = functools.partial(_line, dict(given))
    return replace(again(), again=again)


def _line(options: Mapping[str, Any]) -> OneLine:
    given = dict(options)
    fields = {
        **server_fields(given),
        "url": given["store"],
        "writable": given["writable"] or None,
        "listing": given["listing"] or None,
    }
    return OneLine("serve-indexes", fields, stores=given["stores"])
