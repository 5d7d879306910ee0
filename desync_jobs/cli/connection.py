"""How a command reaches places elsewhere: desync's options, as the keys of a manifest."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import click

from desync_jobs.cli.index_places import index_places
from desync_jobs.cli.oneline import OneLine

_NUMBER_AND_UNIT: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")
_GO_DURATION: Final = re.compile(rf"0|(?:{_NUMBER_AND_UNIT.pattern})+")
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_OF_MANIFESTS: Final = ("ms", "s", "m", "h")
_MOST_ATTEMPTS: Final = 100
_TABLES: Final = ("stores", "caches", "index_stores")


def _duration(
    _context: click.Context | None, _option: click.Parameter | None, value: str | None
) -> str | None:
    """Return what Go reads as a duration, `1m30s` among it, as one that a manifest has."""
    if value is None:
        return None
    if not _GO_DURATION.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not a duration; write for example 500ms or 2s")
    parts = _NUMBER_AND_UNIT.findall(value)
    if len(parts) == 1 and parts[0][1] in _OF_MANIFESTS:
        return value
    # Imported where it is needed: whoever only asks for help does not wait for the manifest.
    from desync_jobs.manifest.quantities import format_duration

    return format_duration(sum(float(number) * _SECONDS[unit] for number, unit in parts))


@dataclass(frozen=True, slots=True)
class Connection:
    """What was asked for; None is the default."""

    client_cert: str | None = None
    client_key: str | None = None
    ca_cert: str | None = None
    trust_insecure: bool | None = None
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
        """The keys of a place's `tls`, those that were said; an empty one is taken back.

        desync trusts the certificates of `--ca-cert` alone.
        """
        keys = {
            "ca": self.ca_cert,
            "ca_only": None if self.ca_cert is None else self.ca_cert != "",
            "client_cert": self.client_cert,
            "client_key": self.client_key,
            "trust_insecure": self.trust_insecure,
        }
        return {key: value for key, value in keys.items() if value is not None}

    def put_into(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return `document` with these keys, before those that places have already.

        Those of `tls` go into every place that can have them; `UsageError` where certificates are
        given and no place can.
        """
        connected = dict(document)
        for key in _TABLES:
            if key in document:
                connected[key] = {name: self._asked(one) for name, one in document[key].items()}
        if self.policy:
            connected["policy"] = self.policy
        if self.tls:
            found = {name: {"url": url} for name, url in index_places(document)}
            tables = {key: connected.get(key, {}) for key in _TABLES}
            tables["index_stores"] = {**found, **tables["index_stores"]}
            with_tls = {key: self._with_tls(table) for key, table in tables.items()}
            if any(self.tls.values()) and not any(map(_any_tls, with_tls.values())):
                raise click.UsageError(
                    "certificates are given, but no place that is asked over TLS; leave them out"
                )
            declared = connected.get("index_stores", {})
            with_tls["index_stores"] = {
                name: place
                for name, place in with_tls["index_stores"].items()
                if name in declared or "tls" in place
            }
            connected |= {key: table for key, table in with_tls.items() if table}
        operations = connected.pop("operations")
        return {**connected, "operations": operations}

    def _asked(self, place: Mapping[str, Any]) -> dict[str, Any]:
        """Return a place without what it says of the policy where the command line says more."""
        policy = {
            key: one for key, one in place.get("policy", {}).items() if key not in self.policy
        }
        rest = {key: value for key, value in place.items() if key != "policy"}
        return {**rest, "policy": policy} if policy else rest

    def _with_tls(self, table: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._certified(place) for name, place in table.items()}

    def _certified(self, place: Mapping[str, Any]) -> dict[str, Any]:
        if not _has_tls(place["url"]):
            return dict(place)
        merged = {**place.get("tls", {}), **self.tls}
        tls = {key: value for key, value in merged.items() if value}
        rest = {key: value for key, value in place.items() if key != "tls"}
        return {**rest, "tls": tls} if tls else rest


def _any_tls(table: Mapping[str, Any]) -> bool:
    return any(_has_tls(place["url"]) for place in table.values())


def _has_tls(url: str) -> bool:
    scheme = url.partition("://")[0].lower()
    return "://" in url and scheme.rpartition("+")[2] == "https"


def connected(function: Callable[..., OneLine]) -> Callable[..., OneLine]:
    """Add the options of a command that may ask places elsewhere."""

    @click.option("--client-cert", metavar="FILE", help="Certificate to show, a PEM file.")
    @click.option("--client-key", metavar="FILE", help="Key of that certificate, a PEM file.")
    @click.option(
        "--ca-cert", metavar="FILE", help="Certificates to trust instead of the system's."
    )
    @click.option(
        "-t",
        "--trust-insecure/--no-trust-insecure",
        default=None,
        help="Accept any certificate.",
    )
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
