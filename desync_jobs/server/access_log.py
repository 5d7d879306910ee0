"""One line for each request: time, client, method, path, status, bytes, milliseconds."""

import os
import time
from typing import Final

from desync_jobs.errors import TargetError

_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_STDERR: Final = 2


class AccessLog:
    """Appends to the file at `path`, or to standard error where it is `-`.

    Every line is written at once and whole, so processes may share the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = _STDERR if path == "-" else _open(path)

    def reopen(self) -> None:
        """Go on in a new file where the old one was moved away."""
        if self._path != "-":
            old, self._descriptor = self._descriptor, _open(self._path)
            os.close(old)

    def write(
        self, client: str, method: str, path: str, status: int, size: int, seconds: float
    ) -> None:
        """Note one request; a full disk stops no server."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = f"{now} {client} {method} {path} {status} {size} {seconds * 1e3:.1f}ms\n"
        try:
            os.write(self._descriptor, line.encode("utf-8", "backslashreplace"))
        except OSError:
            return


def _open(path: str) -> int:
    try:
        return os.open(path, _APPEND, 0o644)
    except OSError as error:
        raise TargetError(f"access log {path} cannot be opened: {error.strerror}") from error
