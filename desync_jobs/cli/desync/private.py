"""Files that only their owner can read, at any time."""

import os
from typing import Final

from desync_jobs.errors import TargetError

_DIRECTORY: Final = 0o700
_FILE: Final = 0o600


def write_private(path: str, text: str) -> None:
    """Write a file, whole or not at all, and the directories above it that are not there.

    `TargetError` where that is impossible.
    """
    part = f"{path}.part"
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=_DIRECTORY, exist_ok=True)
        if os.path.lexists(part):
            os.unlink(part)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise TargetError.of_writing(path, error) from error
