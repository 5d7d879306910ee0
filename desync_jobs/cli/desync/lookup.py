"""Which entry of desync's configuration is that of a place."""

import os
from typing import Final

from desync_jobs.cli.desync.config import OCI, OPTIONS, S3, DesyncConfig, Entry
from desync_jobs.errors import UsageError
from desync_jobs.manifest.globs import matches
from desync_jobs.manifest.locations import Location
from desync_jobs.manifest.paths import url_scheme

_NOTHING: Final[tuple[str, Entry]] = ("", {})


def options_of(config: DesyncConfig, location: str) -> tuple[str, Entry]:
    """Return the key and what is said under it of the place at `location`; nothing where none is.

    `UsageError` where more than one key is that of the place.
    """
    return _only(config, OPTIONS, location)


def credentials_of(config: DesyncConfig, location: Location) -> tuple[str, Entry]:
    """Return the same of who asks an S3 place, by its server, or a registry, by its whole URL."""
    if location.scheme.startswith("oci"):
        return _only(config, OCI, location.text)
    server = location.endpoint
    if server is None:
        return _NOTHING
    exact = config.sections[S3].get(server)
    return (server, exact) if exact is not None else _only(config, S3, server)


def _only(config: DesyncConfig, section: str, location: str) -> tuple[str, Entry]:
    found = [key for key in config.sections[section] if same_place(key, location)]
    if len(found) > 1:
        keys = " and ".join(map(repr, found))
        raise UsageError(f"{config.path}: {section}: {location} is meant by {keys}; keep one")
    return (found[0], config.sections[section][found[0]]) if found else _NOTHING


def same_place(pattern: str, location: str) -> bool:
    """Whether a key of the configuration is that of a place.

    `*` and `?` stand for anything but `/`, `[a-z]` and `[^a-z]` for characters, and one `/` at the
    end makes no difference. Directories are compared as absolute ones.
    """
    if url_scheme(location) is None:
        if url_scheme(pattern) is not None:
            return False
        pattern, location = os.path.abspath(pattern), os.path.abspath(location)
    pattern, location = pattern.removesuffix("/"), location.removesuffix("/")
    return pattern == location or matches(location, pattern.replace("[^", "[!"))
