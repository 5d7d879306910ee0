"""desync's configuration as the stores of a manifest, for whoever moves over for good."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from desync_jobs.cli.desync.config import OCI, OPTIONS, S3, DesyncConfig
from desync_jobs.cli.desync.lookup import credentials_of
from desync_jobs.cli.desync.places import said_by_credentials, said_by_options
from desync_jobs.cli.desync.private import write_private
from desync_jobs.manifest.locations import Kind, parse_location

_WILD: Final = re.compile(r"\*|\?|\[[^]]*\]")
_STANDS_FOR_ANY: Final = "name"
_BUCKET: Final = "bucket"


@dataclass(slots=True)
class Declared:
    """A store of the manifest, with what a reader should know of it."""

    place: dict[str, Any]
    remarks: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Secrets:
    """Gives every secret a place of its own, and remembers which ones there are."""

    config: DesyncConfig
    directory: str | None
    """Where secrets are written, each to a file; None to take them from the environment."""
    named: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """By the name of the variable or file: section, location and key."""

    def reference(self, keys: tuple[str, str, str]) -> dict[str, object]:
        """Return the table of a secret, the same one each time."""
        plain = re.sub("[^A-Za-z0-9]+", "_", f"{keys[1]}_{keys[2]}").strip("_").upper()
        name, number = plain, 1
        while self.named.setdefault(name, keys) != keys:
            number += 1
            name = f"{plain}_{number}"
        if self.directory is None:
            return {"env": name}
        return {"file": os.path.join(self.directory, name)}

    def write(self) -> None:
        """Write every secret to its file, which only its owner can read.

        `TargetError` where that is impossible.
        """
        if self.directory is None:
            return
        for name, (section, where, key) in self.named.items():
            text: str = self.config.sections[section][where][key]
            write_private(os.path.join(self.directory, name), text)


def declarations(config: DesyncConfig, directory: str | None) -> Iterator[str]:
    """Yield the lines of a manifest with a store for each location of the configuration.

    Secrets are written to files in `directory`, or are those of environment variables that
    comments name; they are never in a line. `ManifestError` where a manifest cannot say the same,
    and what `said_by_options` raises.
    """
    secrets = Secrets(config, directory)
    stores = dict(_named(_stores(config, secrets)))
    _check(config, {name: one.place for name, one in stores.items()})
    secrets.write()
    yield from _head(config, secrets)
    yield "version = 1"
    for name, declared in stores.items():
        yield ""
        yield from (f"# {remark}" for remark in declared.remarks)
        yield from _table(name, declared.place)


def _head(config: DesyncConfig, secrets: Secrets) -> Iterator[str]:
    yield f"# From {config.path}: each location as a store; operations are still to be added."
    yield from (f"# warning: {' '.join(told.split())}" for told in config.unknown)
    if secrets.named and secrets.directory is None:
        yield "# Set these variables, or have files written with --secrets-dir:"
        for name, (section, where, key) in secrets.named.items():
            yield f"#   {name}: {key} of {section} {where!r}"


def _table(name: str, place: Mapping[str, Any]) -> Iterator[str]:
    import tomli_w

    yield from tomli_w.dumps({"stores": {name: place}}).rstrip("\n").splitlines()


def _check(config: DesyncConfig, stores: Mapping[str, object]) -> None:
    """Raise `ManifestError` where the stores would not be understood."""
    from desync_jobs.manifest.load import job_from_document
    from desync_jobs.manifest.variables import literal

    operation = {"kind": "digest", "blob": "any"}  # a manifest has one at least
    document = {"version": 1, "stores": literal(stores), "operations": {"any": operation}}
    job_from_document(document, os.getcwd(), config.path)


def _named(stores: Iterator[Declared]) -> Iterator[tuple[str, Declared]]:
    known: set[str] = set()
    for declared in stores:
        plain = re.sub("[^A-Za-z0-9.]+", "-", declared.place["url"]).strip("-.")
        name, number = plain, 1
        while name in known:
            number += 1
            name = f"{plain}-{number}"
        known.add(name)
        yield name, declared


def _stores(config: DesyncConfig, secrets: Secrets) -> Iterator[Declared]:
    used: set[tuple[str, str]] = set()
    for where, entry in config.sections[OPTIONS].items():
        declared = _declared(where)
        location = parse_location(declared.place["url"])
        said = said_by_options(where, entry, location.kind, secrets.reference)
        declared.place |= said.keys
        if said.without_effect:
            keys = ", ".join(said.without_effect)
            declared.remarks.append(f"Left out, which such a place does not have: {keys}.")
        if location.kind in (Kind.S3, Kind.OCI):
            key, credentials = credentials_of(config, location)
            used.add((OCI if location.kind is Kind.OCI else S3, key))
            declared.place |= said_by_credentials(key, credentials, location, secrets.reference)
        yield declared
    for section, url_of in _CREDENTIALS.items():
        for where, entry in config.sections[section].items():
            if (section, where) not in used:
                declared = _declared(url_of(where))
                if section == S3:
                    declared.remarks.append(f"`{_BUCKET}` stands for a bucket of this server.")
                location = parse_location(declared.place["url"])
                declared.place |= said_by_credentials(where, entry, location, secrets.reference)
                yield declared


def _s3_url(where: str) -> str:
    return f"s3+{where.removesuffix('/')}/{_BUCKET}"


_CREDENTIALS: Final[Mapping[str, Callable[[str], str]]] = {S3: _s3_url, OCI: str}


def _declared(where: str) -> Declared:
    """Return a store at a location, or at one of those that a pattern means."""
    url = _WILD.sub(_STANDS_FOR_ANY, where)
    if url == where:
        return Declared({"url": url})
    return Declared({"url": url}, [f"This is for every place like {where!r}: write which ones."])
