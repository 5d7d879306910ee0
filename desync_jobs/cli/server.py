"""The options of servers, desync's, as the keys of a manifest."""

import functools
import os
from collections.abc import Callable
from typing import Any, Final

import click

AUTHORIZATION_VARIABLE: Final = "DESYNC_HTTP_AUTH"


def server_fields(given: dict[str, Any]) -> dict[str, object]:
    """Take the options of every server out of `given`; return the keys of a manifest.

    `UsageError` where they do not go together.
    """
    # As desync has it: no address has a comma.
    listen = [one for text in given.pop("listen") for one in text.split(",")]
    return {
        "listen": listen or None,
        "tls": _tls(
            given.pop("cert"), given.pop("key"), given.pop("client_ca"), given.pop("mutual_tls")
        ),
        "authorization": _authorization(
            given.pop("authorization"), given.pop("authorization_file")
        ),
        "access_log": given.pop("log"),
        "processes": given.pop("processes"),
        "drain": given.pop("drain"),
    }


def _tls(
    cert: str | None, key: str | None, client_ca: str | None, mutual: bool
) -> dict[str, object] | None:
    if (cert is None) != (key is None):
        raise click.UsageError("--cert and --key are given together")
    if mutual and cert is None:
        raise click.UsageError("--mutual-tls needs --cert and --key")
    if mutual and client_ca is None:
        raise click.UsageError("--mutual-tls needs --client-ca, the authorities of clients")
    if client_ca is not None and cert is None:
        raise click.UsageError("--client-ca needs --cert and --key")
    if client_ca is not None and not mutual:
        raise click.UsageError("--client-ca needs --mutual-tls; clients are not asked otherwise")
    if cert is None:
        return None
    keys = {"cert": cert, "key": key, "client_ca": client_ca, "mutual": mutual or None}
    return {name: value for name, value in keys.items() if value is not None}


def _authorization(given: str | None, path: str | None) -> dict[str, object] | None:
    """Return where the header is found; never the header itself, so that it is shown nowhere."""
    if path is not None:
        if given is not None:
            raise click.UsageError("give --authorization or --authorization-file, not both")
        return {"file": path}
    if given is not None:
        os.environ[AUTHORIZATION_VARIABLE] = given
    return {"env": AUTHORIZATION_VARIABLE} if os.environ.get(AUTHORIZATION_VARIABLE) else None


_OPTIONS: Final = (
    click.option(
        "-l",
        "--listen",
        multiple=True,
        metavar="HOST:PORT",
        help="Where to listen, by default ':http', all addresses; may be repeated.",
    ),
    click.option("--cert", metavar="FILE", help="Certificate to show, a PEM file; needs --key."),
    click.option("--key", metavar="FILE", help="Key of that certificate, a PEM file."),
    click.option("--mutual-tls", is_flag=True, help="Let in clients with a certificate only."),
    click.option(
        "--client-ca", metavar="FILE", help="Authorities of clients' certificates, a PEM file."
    ),
    click.option(
        "--authorization",
        metavar="VALUE",
        help="Authorization header that requests must have; better in DESYNC_HTTP_AUTH, "
        "where other users do not see it.",
    ),
    click.option(
        "--authorization-file",
        metavar="FILE",
        help="File that has this header; it is read again at SIGHUP.",
    ),
    click.option("--log", metavar="FILE", help="Write a line for each request; '-' is stderr."),
    click.option(
        "--processes", type=click.IntRange(1, 256), metavar="N", help="Processes; by default 1."
    ),
    click.option(
        "--drain", metavar="TIME", help="Time for requests under way at the end; by default 30s."
    ),
)


def server_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every server."""
    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), function)
