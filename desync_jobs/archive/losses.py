"""What a target cannot hold, or may not be given by this user: which file, and what to do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from desync_jobs.errors import TargetError

_FORBIDDEN: Final = {errno.EPERM, errno.EACCES}
OWNERS: Final = "same_owner = false, --no-same-owner"
"""How owners are left out, in words for a message."""


def without(feature: str) -> str:
    """Return how a feature is left out, in words for a message."""
    return f'without_features = ["{feature}"], --without={feature}'


@contextmanager
def lost(path: bytes, what: str, way: str) -> Iterator[None]:
    """Translate an error of giving `what` to the file at `path`; `way` says how to leave it out.

    Raises `TargetError`.
    """
    try:
        yield
    except OSError as error:
        raise loss(path, what, way, error) from error


def loss(path: bytes, what: str, way: str, error: OSError) -> TargetError:
    """Return the error that says what a file could not be given, and how to do without."""
    root = "run as root, or " if error.errno in _FORBIDDEN else ""
    name = os.fsdecode(path)
    return TargetError(f"{name}: cannot have {what}: {error.strerror}; {root}leave it out ({way})")
