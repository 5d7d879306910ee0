"""Secrets: looked up when they are used, looked up again when they are refused, never shown."""

import json
import os
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Final

from desync_jobs.errors import UsageError
from desync_jobs.manifest.secrets import SecretSpec
from desync_jobs.stores.command import SECRET_SIZE_LIMIT, output_of
from desync_jobs.stores.policy.values import Stopper

_HIDDEN: Final = "***"
_JSON_SIZE_LIMIT: Final = 4 << 20
"""Bytes of a file that has other things beside a secret."""


class Secret:
    """One secret of a place. Safe to use from many threads.

    Errors begin with `what`, such as "store origin: http_auth". Relative paths are relative to
    `directory`, where a command is run too.
    """

    def __init__(
        self,
        spec: SecretSpec,
        what: str,
        directory: str,
        stopper: Stopper,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._spec = spec
        self._what = what
        self._directory = directory
        self._stopper = stopper
        self._environment = environment
        self._lock = Lock()
        self._value: str | None = None

    def __repr__(self) -> str:
        return _HIDDEN

    def value(self) -> str:
        """Return the secret, looked up once; raises as `read` does."""
        with self._lock:
            if self._value is None:
                self._value = self.read()
            return self._value

    def renew(self) -> bool:
        """Look the secret up again and tell whether it has changed; for one that was refused."""
        with self._lock:
            before, self._value = self._value, self.read()
            return self._value != before

    def read(self) -> str:
        """Look the secret up.

        `UsageError` where it is not where the manifest says, `StoreError` where its command fails.
        """
        spec = self._spec
        if spec.env is not None:
            text = self._environment.get(spec.env)
            if text is None:
                raise UsageError(f"{self._what}: the environment variable {spec.env} is not set")
        elif spec.file is not None:
            path = os.path.join(self._directory, spec.file)
            limit = SECRET_SIZE_LIMIT if spec.key is None else _JSON_SIZE_LIMIT
            text = self._decoded(self._content(path, limit))
            if spec.key is not None:
                text = self._within(text, path, spec.key)
        else:
            text = self._decoded(
                output_of(spec.command or (), self._what, self._directory, self._stopper)
            )
        if not text:
            raise UsageError(f"{self._what}: the secret is empty")
        return text

    def _content(self, path: str, limit: int) -> bytes:
        try:
            with open(path, "rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise UsageError(f"{self._what}: {path} cannot be read: {error.strerror}") from error
        if len(data) > limit:
            raise UsageError(f"{self._what}: {path} has more than {limit} bytes")
        return data

    def _within(self, text: str, path: str, keys: Sequence[str]) -> str:
        """Return what stands under these keys in a JSON text."""
        try:
            found = json.loads(text)
        except ValueError:
            # Without its cause, which holds the whole text.
            raise UsageError(f"{self._what}: {path} is not JSON") from None
        for depth, key in enumerate(keys, start=1):
            found = found.get(key) if isinstance(found, dict) else None
            if found is None:
                where = " → ".join(keys[:depth])
                raise UsageError(f"{self._what}: {path} has nothing under {where}")
        if not isinstance(found, str):
            raise UsageError(f"{self._what}: {path} has no text under {' → '.join(keys)}")
        return found

    def _decoded(self, data: bytes) -> str:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            # Without its cause, which holds what was decoded.
            raise UsageError(f"{self._what}: the secret is not UTF-8") from None
        return text[:-1].removesuffix("\r") if text.endswith("\n") else text
