"""Logins as `docker login` keeps them: in a file, or with a program for each registry.

`config.json` in `$DOCKER_CONFIG` or `~/.docker`; the program of `credHelpers` for the registry, or
that of `credsStore` for all, else the entry in `auths`. Programs are called `docker-credential-X`,
get the registry on standard input and print JSON (docker/docker-credential-helpers).
"""

import json
import os
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

from desync_jobs.errors import StoreError, UsageError
from desync_jobs.stores.command import CommandFailedError, output_of
from desync_jobs.stores.oci.login import Login
from desync_jobs.stores.policy.values import Stopper

_SIZE_LIMIT: Final = 4 << 20
_HELPER: Final = re.compile("[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_FOUND: Final = b"credentials not found"
"""How every helper begins its answer where it knows nothing of a registry."""
_TOKEN_USER: Final = "<token>"  # noqa: S105 -- no secret, but what a helper calls a user
_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HUB_KEY: Final = "https://index.docker.io/v1/"


class DockerConfig:
    """Docker's configuration of this user, read each time it is asked.

    Errors begin with `label`.
    """

    def __init__(self, environment: Mapping[str, str], label: str, stopper: Stopper) -> None:
        directory = environment.get("DOCKER_CONFIG", "")
        if not directory and (home := environment.get("HOME", "")):
            directory = os.path.join(home, ".docker")
        self._path = os.path.join(directory, "config.json") if directory else None
        self._label = label
        self._stopper = stopper

    def login(self, host: str) -> Login | None:
        """Return the login for a registry; None where there is none.

        `UsageError` where the configuration cannot be understood, `StoreError` where a program
        fails.
        """
        config = self._read()
        key = _HUB_KEY if host in _HUB else host
        helper = self._table(config, "credHelpers").get(key) or config.get("credsStore")
        if helper:
            return self._ask(str(helper), key)
        found = _find(self._table(config, "auths"), key)
        return None if found is None else self._parsed(found, key)

    def _read(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        try:
            with open(self._path, "rb") as file:
                data = file.read(_SIZE_LIMIT + 1)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise self._error(f"cannot be read: {error.strerror}") from error
        if len(data) > _SIZE_LIMIT:
            raise self._error(f"has more than {_SIZE_LIMIT} bytes")
        try:
            config = json.loads(data)
        except (ValueError, RecursionError):
            # Without its cause, which holds the secrets in the file.
            raise self._error("is not JSON") from None
        if not isinstance(config, dict):
            raise self._error("is not a JSON object")
        return config

    def _table(self, config: dict[str, Any], key: str) -> dict[str, Any]:
        table = config.get(key) or {}
        if not isinstance(table, dict):
            raise self._error(f"has no table in {key}")
        return table

    def _parsed(self, entry: Any, key: str) -> Login | None:
        fields = entry if isinstance(entry, dict) else {}
        username, password = _text(fields, "username"), _text(fields, "password")
        if encoded := _text(fields, "auth"):
            try:
                username, colon, password = b64decode(encoded).decode().partition(":")
            except ValueError:
                colon = ""
            if not colon:
                raise self._error(f"has no user and password in auths.{key}.auth")
            password = password.rstrip("\0")
        token = _text(fields, "identitytoken")
        return Login(username, password, token) if username or token else None

    def _ask(self, helper: str, key: str) -> Login | None:
        if not _HELPER.fullmatch(helper):
            raise self._error(f"names {helper!a}, which cannot be a credential helper")
        command = [f"docker-credential-{helper}", "get"]
        try:
            output = output_of(command, self._label, "/", self._stopper, given=key.encode())
        except CommandFailedError as error:
            if error.output.strip().startswith(_NOT_FOUND):
                return None
            raise
        try:
            found = json.loads(output)
            username, secret = found["Username"], found["Secret"]
        except (ValueError, RecursionError, TypeError, KeyError):
            raise StoreError(f"{self._label}: {command[0]} does not print a login") from None
        if username == _TOKEN_USER:
            return Login("", "", str(secret))
        return Login(str(username), str(secret)) if username else None

    def _error(self, problem: str) -> UsageError:
        return UsageError(f"{self._label}: Docker's configuration {self._path} {problem}")


def _find(auths: dict[str, Any], key: str) -> Any:
    """Return the entry of a registry, also of one that was written as a URL."""
    if key in auths:
        return auths[key]
    return next((auths[name] for name in auths if _host(name) == key), None)


def _host(name: str) -> str:
    return name.rpartition("://")[2].partition("/")[0]


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
