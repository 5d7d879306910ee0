"""How a command reaches places elsewhere: desync's options, as the keys of a manifest."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import click

from desync_jobs.cli.oneline import OneLine

_GO_DURATION: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))")
_MOST_ATTEMPTS: Final = 100


def _duration(
    _context: click.Context | None, _option: click.Parameter | None, value: str | None
) -> str | None:
    if value is not None and not _GO_DURATION.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not a duration; write for example 500ms or 2s")
    return value


@dataclass(frozen=True, slots=True)
class Connection:
    """What was asked for; None is the default."""

    client_cert: str | None = None
    client_key: str | None = None
    ca_cert: str | None = None
    trust_insecure: bool = False
    error_retry: int | None = None
    """desync's number; it means all attempts, of which there is always one."""
    error_retry_base_interval: str | None = None

    @property
    def policy(self) -> dict[str, object]:
        """The keys of a manifest's `policy`."""
        attempts = None if self.error_retry is None else max(1, self.error_retry)
        keys = {"attempts": attempts, "backoff": self.error_retry_base_interval}
        return {key: value for key, value in keys.items() if value is not None}

    @property
    def tls(self) -> dict[str, object]:
        """The keys of a place's `tls`; desync trusts the certificates of `--ca-cert` alone."""
        keys = {
            "ca": self.ca_cert,
            "ca_only": True if self.ca_cert else None,
            "client_cert": self.client_cert,
            "client_key": self.client_key,
            "trust_insecure": self.trust_insecure or None,
        }
        return {key: value for key, value in keys.items() if value is not None}

    def put_into(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return `document` with these keys, those of `tls` in every place that can have them.

        `UsageError` where certificates are given and no place can.
        """
        connected = dict(document)
        if self.policy:
            connected["policy"] = self.policy
        if self.tls:
            index_stores = dict(_index_places(document))
            tables = {key: document.get(key, {}) for key in ("stores", "caches")}
            tables["index_stores"] = index_stores
            with_tls = {key: self._with_tls(table) for key, table in tables.items()}
            if tables == with_tls:
                raise click.UsageError(
                    "certificates are given, but no place that is asked over TLS; leave them out"
                )
            connected |= {key: table for key, table in with_tls.items() if table}
        operations = connected.pop("operations")
        return {**connected, "operations": operations}

    def _with_tls(self, table: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: {**place, "tls": self.tls} if _has_tls(place["url"]) else place
            for name, place in table.items()
        }


def _has_tls(url: str) -> bool:
    scheme = url.partition("://")[0].lower()
    return "://" in url and scheme.rpartition("+")[2] == "https"


def _index_places(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield an index store for the place of each index that the operation names by URL."""
    known: set[str] = set()
    for operation in document["operations"].values():
        named = [
            operation.get("index"),
            operation.get("url"),
            *operation.get("indexes", ()),
            *operation.get("ignore", ()),
            *(_index_of(operation.get(side)) for side in ("old", "new")),
        ]
        for text in named:
            if text is not None and _has_tls(text):
                place = text.rpartition("/")[0] + "/"
                if place not in known:
                    known.add(place)
                    yield f"index-{len(known)}", {"url": place}


def _index_of(side: object) -> str | None:
    """Return the index that is one of two things compared; None where it is none."""
    if isinstance(side, Mapping):
        index: str | None = side.get("index")
        return index
    return side if isinstance(side, str) else None


def connected(function: Callable[..., OneLine]) -> Callable[..., OneLine]:
    """Add the options of a command that may ask places elsewhere."""

    @click.option("--client-cert", metavar="FILE", help="Certificate to show, a PEM file.")
    @click.option("--client-key", metavar="FILE", help="Key of that certificate, a PEM file.")
    @click.option(
        "--ca-cert", metavar="FILE", help="Certificates to trust instead of the system's."
    )
    @click.option("-t", "--trust-insecure", is_flag=True, help="Accept any certificate.")
    @click.option(
        "-e",
        "--error-retry",
        type=click.IntRange(0, _MOST_ATTEMPTS),
        metavar="N",
        help="How often a request is tried in all; by default 3.",
    )
    @click.option(
        "-b",
        "--error-retry-base-interval",
        callback=_duration,
        metavar="TIME",
        help="Longest wait before the second attempt, doubled for each further one.",
    )
    @functools.wraps(function)
    def with_connection(**given: Any) -> OneLine:
        asked = {name: given.pop(name) for name in Connection.__dataclass_fields__}
        connection = Connection(**asked)
        line = replace(function(**given), adapt=connection.put_into)
        again = line.again
        if again is None:
            return line
        return replace(line, again=lambda: replace(again(), adapt=connection.put_into))

    return with_connection
