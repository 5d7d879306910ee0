"""Temporary files that killed writers left in a chunk directory.

casync and this program call them `ID.RANDOM.tmp`, desync `.tmp-cacnk.RANDOM`, in the directory
that the chunk is to be in. A writer has such a file for as long as one chunk takes to write, and no
program goes on with another's: one that was not touched for a day belongs to nobody. Younger
ones, other names, what is locked, and whatever is no regular file are left alone.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, Protocol, runtime_checkable

from desync_jobs.stores.layout import is_prefix, is_temporary

_AGE: Final = 24 * 60 * 60
"""Seconds."""

_OPEN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@runtime_checkable
class Tidying(Protocol):
    """A store in which killed writers leave something behind."""

    def remove_abandoned(self) -> int:
        """Remove what belongs to nobody any more; returns how many files that were.

        Raises `StoreError`.
        """
        ...


def remove_abandoned_files(root: str) -> int:
    """Remove abandoned temporary files of a chunk directory; returns how many.

    Raises `OSError` where the directory cannot be listed or a file not removed.
    """
    before = time.time() - _AGE
    removed = 0
    for path in _temporary_files(root):
        with suppress(FileNotFoundError):  # somebody else was first
            if _belongs_to_nobody(path, before):
                os.unlink(path)
                removed += 1
    return removed


def _temporary_files(root: str) -> Iterator[str]:
    with os.scandir(root) as prefixes:
        for prefix in prefixes:
            if is_prefix(prefix.name) and prefix.is_dir():
                with suppress(FileNotFoundError), os.scandir(prefix.path) as files:
                    yield from (file.path for file in files if is_temporary(prefix.name, file.name))


def _belongs_to_nobody(path: str, before: float) -> bool:
    """Whether a file was not touched since `before`; that it was made or moved counts, too."""
    found = os.stat(path, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode) or max(found.st_mtime, found.st_ctime) > before:
        return False
    fd = os.open(path, _OPEN)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True
