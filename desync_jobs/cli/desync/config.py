"""desync's configuration file: JSON with `s3-credentials`, `oci-credentials` and `store-options`.

The keys of all three are locations of places, or patterns of them. desync ignores what it does not
know; here it is told.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from desync_jobs.errors import UsageError

Entry: TypeAlias = Mapping[str, Any]
"""What is said of one location."""
Section: TypeAlias = Mapping[str, Entry]
"""What is said, by location."""

S3: Final = "s3-credentials"
OCI: Final = "oci-credentials"
OPTIONS: Final = "store-options"

SECRETS: Final = frozenset(
    {"access-key", "secret-key", "secret", "http-auth", "http-cookie", "encryption-key"}
)
"""Keys whose values are shown nowhere."""

_HIDDEN: Final = "***"
_WORDS: Final = {str: "a text", bool: "true or false", int: "a whole number"}
_KNOWN: Final[Mapping[str, Mapping[str, type]]] = {
    S3: {
        "access-key": str,
        "secret-key": str,
        "aws-credentials-file": str,
        "aws-profile": str,
        "aws-region": str,
    },
    OCI: {"username": str, "secret": str},
    OPTIONS: {
        "n": int,
        "client-cert": str,
        "client-key": str,
        "ca-cert": str,
        "trust-insecure": bool,
        "http-auth": str,
        "http-cookie": str,
        "timeout": int,
        "error-retry": int,
        "error-retry-base-interval": int,
        "skip-verify": bool,
        "uncompressed": bool,
        "encryption": bool,
        "encryption-algorithm": str,
        "encryption-key": str,
    },
}


@dataclass(frozen=True, slots=True)
class DesyncConfig:
    """What a configuration file says."""

    path: str
    """Absolute."""
    sections: Mapping[str, Section] = field(default_factory=lambda: MappingProxyType({}))
    """By the names of the sections; each of them is there, if only empty."""
    unknown: tuple[str, ...] = ()
    """What is in it and means nothing, in words."""


def default_path(environment: Mapping[str, str]) -> str | None:
    """Return where desync looks for its configuration; None for a user without a home."""
    home = environment.get("HOME")
    return os.path.join(home, ".config", "desync", "config.json") if home else None


def find_config(given: str | None, environment: Mapping[str, str]) -> DesyncConfig | None:
    """Read the file that was `given`, or else the user's, if there is one.

    Raises what `read_config` does.
    """
    if given is not None:
        return read_config(given)
    path = default_path(environment)
    return read_config(path) if path is not None and os.path.exists(path) else None


def read_config(path: str) -> DesyncConfig:
    """Read a configuration file.

    `ManifestError` where it cannot be read or is no JSON, `UsageError` where a value is not of the
    kind that it should be.
    """
    from desync_jobs.manifest.read import read_document

    document = read_document(path)
    sections: dict[str, Section] = {}
    for name in _KNOWN:
        section = _table(document.get(name), path, name)
        sections[name] = {
            where: _table(entry, path, f"{name} {where!r}") for where, entry in section.items()
        }
        for where, entry in sections[name].items():
            _check_values(entry, _KNOWN[name], path, f"{name} {where!r}")
    return DesyncConfig(os.path.abspath(path), sections, tuple(_unknown(document, sections)))


def shown(config: DesyncConfig | None) -> dict[str, object]:
    """Return a configuration as JSON with every secret hidden, and null for what is empty."""
    sections = {} if config is None else config.sections
    return {
        name: {
            where: {key: _HIDDEN if key in SECRETS else value for key, value in entry.items()}
            for where, entry in sections.get(name, {}).items()
        }
        or None
        for name in _KNOWN
    }


def _table(value: object, path: str, what: str) -> dict[str, Any]:
    """Return an object, without what is null in it; null itself is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {what} should be an object")
    return {key: item for key, item in value.items() if item is not None}


def _check_values(entry: Entry, kinds: Mapping[str, type], path: str, what: str) -> None:
    for key, value in entry.items():
        kind = kinds.get(key)
        if kind is not None and type(value) is not kind:
            raise UsageError(f"{path}: {what}: {key} should be {_WORDS[kind]}")


def _unknown(document: Mapping[str, Any], sections: Mapping[str, Section]) -> Iterator[str]:
    from desync_jobs.manifest.suggestions import did_you_mean

    for name in document:
        if name not in _KNOWN:
            yield f"{name} is not known{did_you_mean(name, _KNOWN)}"
    for name, section in sections.items():
        for where, entry in section.items():
            for key in entry:
                if key not in _KNOWN[name]:
                    yield f"{name} {where!r}: {key} is not known{did_you_mean(key, _KNOWN[name])}"
