"""Which keys belong to which kind of place; any other is a problem and never without effect.

Works on the document, as `references` does, so that it is told even where another key is wrong.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from desync_jobs.errors import Problem
from desync_jobs.manifest.locations import Kind, parse_location
from desync_jobs.manifest.variables import Where

_PLACES: Final = ("stores", "caches", "index_stores")
_EVERYWHERE: Final = frozenset(Kind)
_REMOTE: Final = _EVERYWHERE - {Kind.DIRECTORY}
_CHUNK_FILES: Final = _EVERYWHERE - {Kind.SSH}
"""Where chunks are kept as files or objects; over SSH, the protocol says how they are sent."""

_BELONGS: Final[Mapping[str, frozenset[Kind]]] = {
    "compression": _CHUNK_FILES,
    "level": _CHUNK_FILES,
    "reads": _CHUNK_FILES,
    "encryption": _CHUNK_FILES,
    "policy": _REMOTE,
    "tls": frozenset({Kind.HTTP, Kind.OCI, Kind.S3}),
    "http_auth": frozenset({Kind.HTTP}),
    "http_cookie": frozenset({Kind.HTTP}),
    "netrc": frozenset({Kind.HTTP}),
    "credentials": frozenset({Kind.S3, Kind.GS, Kind.OCI}),
    "credentials.access_key": frozenset({Kind.S3}),
    "credentials.secret_key": frozenset({Kind.S3}),
    "credentials.session_token": frozenset({Kind.S3}),
    "credentials.profile": frozenset({Kind.S3}),
    "credentials.file": frozenset({Kind.S3, Kind.GS}),
    "credentials.username": frozenset({Kind.OCI}),
    "credentials.password": frozenset({Kind.OCI}),
    "region": frozenset({Kind.S3}),
    "options": frozenset({Kind.OTHER}),
    "secret_options": frozenset({Kind.OTHER}),
}
"""Keys of a place, and of tables within it, that not every place has."""

_SECRET_NAME = re.compile("secret|passw|token|credential|(^|_)key$|connection_string")
"""Names of arguments that libraries use for secrets."""


def place_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a `Problem` for every key that the place it stands in does not have."""
    for section in _PLACES:
        table = document.get(section)
        for name, fields in table.items() if isinstance(table, dict) else ():
            if isinstance(fields, dict):
                where: Where = (section, name)
                yield from _foreign_keys(where, fields)
                yield from _plain_secrets(where, fields.get("options"))


def _foreign_keys(where: Where, fields: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        location = parse_location(fields.get("url", ""))
    except (ValueError, TypeError):  # told by the validation of the whole
        return
    for path in _paths(fields):
        kinds = _BELONGS.get(".".join(path), _EVERYWHERE)
        if location.kind not in kinds:
            known = ", ".join(kind.value for kind in Kind if kind in kinds)
            message = f"{location.kind.value} does not have this, only {known}; leave it out"
            yield Problem((*where, *path), message)


def _paths(fields: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the keys of a place and those of the tables in it."""
    for key, value in fields.items():
        yield (str(key),)
        if isinstance(value, dict):
            yield from ((str(key), str(inner)) for inner in value)


def _plain_secrets(where: Where, options: object) -> Iterator[Problem]:
    for name, value in options.items() if isinstance(options, dict) else ():
        if isinstance(value, str) and _SECRET_NAME.search(str(name).lower()):
            yield Problem(
                (*where, "options", name),
                f"a secret does not stand in a manifest; write secret_options.{name} = "
                '{ env = "NAME" }',
            )
