"""desync's configuration, put into the job that a command stands for."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from desync_jobs.cli.desync.config import DesyncConfig, find_config
from desync_jobs.cli.desync.lookup import credentials_of, options_of
from desync_jobs.cli.desync.places import Said, said_by_credentials, said_by_options
from desync_jobs.cli.failures import complain
from desync_jobs.cli.index_places import index_places
from desync_jobs.errors import UsageError
from desync_jobs.manifest.locations import Kind, Location, parse_location

_S3_KEYS: Final = ("S3_ACCESS_KEY", "S3_SECRET_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_OCI_LOGIN: Final = ("DESYNC_OCI_USERNAME", "DESYNC_OCI_PASSWORD")
_BEFORE: Final[Mapping[Kind, tuple[str, ...]]] = {Kind.S3: _S3_KEYS, Kind.OCI: _OCI_LOGIN}
"""Variables that count before the configuration's credentials, if only one of them is set."""


def with_config(document: Mapping[str, Any], path: str | None) -> dict[str, Any]:
    """Return `document` with what desync's configuration says, the user's or the one at `path`.

    What is in it and means nothing is told on standard error. Raises what `read_config` and
    `Configured.put_into` do.
    """
    config = find_config(path, os.environ)
    if config is None:
        return dict(document)
    return Configured(config, os.environ, _warn).put_into(document)


def _warn(message: str) -> None:
    complain(f"warning: {message}")


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration, and what is around it."""

    config: DesyncConfig
    environment: Mapping[str, str]
    warn: Callable[[str], None]

    def put_into(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return `document` with what the configuration says of its places.

        Secrets are named by where they are in the configuration. `UsageError` where two of its
        keys are those of one place, or an entry cannot be obeyed.
        """
        for told in self.config.unknown:
            self.warn(f"{self.config.path}: {told}")
        configured = dict(document)
        for table in ("stores", "caches"):
            if table in document:
                places = document[table]
                configured[table] = {name: self._place(place) for name, place in places.items()}
        index_stores = dict(self._index_stores(document))
        if index_stores:
            configured["index_stores"] = index_stores
        operations = configured.pop("operations")
        return {**configured, "operations": operations}

    def _place(self, place: Mapping[str, Any]) -> dict[str, Any]:
        return {**place, **self._said(place["url"])}

    def _index_stores(self, document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, url in index_places(document):
            said = self._said(url, of_indexes=True)
            if said:
                yield name, {"url": url, **said}

    def _said(self, url: str, *, of_indexes: bool = False) -> dict[str, Any]:
        try:
            location = parse_location(url)
        except ValueError:
            return {}  # told by the validation of the whole
        where, entry = options_of(self.config, url)
        try:
            said = said_by_options(where, entry, location.kind, self._secret, of_indexes=of_indexes)
        except UsageError as error:
            raise UsageError(f"{self.config.path}: {error}") from error
        self._tell(where, location, said)
        return {**said.keys, **self._credentials(location)}

    def _credentials(self, location: Location) -> dict[str, Any]:
        names = _BEFORE.get(location.kind)
        if names is None or any(self.environment.get(name) for name in names):
            return {}
        where, entry = credentials_of(self.config, location)
        return said_by_credentials(where, entry, location, self._secret)

    def _secret(self, keys: tuple[str, str, str]) -> dict[str, object]:
        return {"file": self.config.path, "key": list(keys)}

    def _tell(self, where: str, location: Location, said: Said) -> None:
        if said.without_effect:
            keys = ", ".join(said.without_effect)
            self.warn(
                f"{self.config.path}: {where}: {keys}: {location.kind.value} does not have this"
            )
