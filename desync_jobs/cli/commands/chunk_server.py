"""`desync-run chunk-server`: chunks over HTTP."""

import functools
import os
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
from desync_jobs.cli.store_file import store_file, take_stores

_KEY_VARIABLE = "DESYNC_ENCRYPTION_KEY"
_EXAMPLES = (
    "desync-run chunk-server -s /srv/store -l :8080",
    "desync-run chunk-server -s https://origin.example.org/store -c /var/cache/desync",
    "desync-run chunk-server -s /srv/store -w -l :8443 --cert server.pem --key server.key",
)


@click.command("chunk-server", cls=Command, examples=_EXAMPLES)
@opt.optional_stores
@opt.optional_cache
@opt.cache_repair
@store_file
@click.option("-w", "--writable", "--writeable", is_flag=True, help="Let clients add chunks.")
@click.option(
    "--skip-verify-read/--verify-read",
    default=True,
    help="Send files as they are, or hold them against their IDs before.",
)
@click.option(
    "--skip-verify-write/--verify-write",
    default=False,
    help="Take whatever clients send; by default it is held against its ID.",
)
@click.option(
    "--write-lease",
    metavar="TIME",
    help="Time that clients have from their last chunk to the index, in which nobody deletes; "
    "by default 10min.",
)
@click.option("-u", "--uncompressed", is_flag=True, help="Send and take plain chunks.")
@click.option("--encryption", is_flag=True, help="Send and take encrypted chunks.")
@click.option(
    "--encryption-key",
    metavar="HEX",
    help="The key; better in DESYNC_ENCRYPTION_KEY, where other users do not see it.",
)
@click.option(
    "--encryption-algorithm",
    type=click.Choice(["xchacha20-poly1305", "aes-256-gcm"]),
    help="The cipher; by default xchacha20-poly1305.",
)
@server_options
@opt.index_digest
@one_line
@connected
def command(**given: Any) -> OneLine:
    """Serve the chunks of stores over HTTP until stopped.

    SIGTERM and SIGINT end the server well: it answers what is under way, and its exit code is 0.
    SIGHUP has it read the store file, certificates and secrets again.

    The store file says {"stores": ["PLACE", ...], "cache": "PLACE"}.
    """
    again = functools.partial(_line, dict(given))
    return replace(again(), again=again)


def _line(options: Mapping[str, Any]) -> OneLine:
    given = dict(options)
    stores, cache = take_stores(given)
    if given["writable"] and (cache is not None or len(stores) != 1):
        raise click.UsageError("--writable needs one store, and no cache")
    fields = {
        **server_fields(given),
        "cache_repair": given["cache_repair"],
        "writable": given["writable"] or None,
        "write_lease": given["write_lease"],
        "compression": "none" if given["uncompressed"] else None,
        "encryption": _encryption(given),
        "verify_reads": None if given["skip_verify_read"] else True,
        "verify_writes": False if given["skip_verify_write"] else None,
    }
    return OneLine("serve-chunks", fields, stores=stores, cache=cache)


def _encryption(given: Mapping[str, Any]) -> dict[str, object] | None:
    """Return the wire's encryption; a key in the environment alone does not ask for it."""
    key, algorithm = given["encryption_key"], given["encryption_algorithm"]
    if not (given["encryption"] or key is not None or algorithm is not None):
        return None
    if key is not None:
        os.environ[_KEY_VARIABLE] = key  # so that it is shown nowhere
    named = {} if algorithm is None else {"algorithm": algorithm}
    return {"key": {"env": _KEY_VARIABLE}, **named}
