"""One writer at a time for a target, whether it is changed in place or replaced.

Who changes a target locks it alone; who replaces it locks what is there together with readers: the
two exclude each other. Two that replace it exclude each other by their hidden file. A target
that is not there when a replacement is begun can be made by somebody else until it is finished, so
the one who replaces looks again then.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from desync_jobs.errors import LockedError, TargetError


def lock_for_change(fd: int, path: str) -> None:
    """Lock an open target that is about to be changed, until `fd` is closed.

    Raises `LockedError` while another run writes it, and `TargetError` where it was replaced
    since it was opened.
    """
    _lock(fd, path, fcntl.LOCK_EX)
    if not is_still(fd, path):
        raise TargetError(f"{path} changed after it was looked at; run again")


@contextmanager
def locked_for_replacement(path: str) -> Iterator[None]:
    """Keep others from changing the file at `path`; nothing happens where there is none.

    Raises `LockedError` while another run changes it.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        # Not there, or not to be read by this user, who could not change it either.
        yield
        return
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            _lock(fd, path, fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


def is_still(fd: int, path: str) -> bool:
    """Whether an open file is what is at `path`."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except OSError:
        return False


def _lock(fd: int, path: str, how: int) -> None:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LockedError(f"{path} is locked: another run is writing this target") from error
    except OSError as error:
        raise TargetError(f"{path}: cannot be locked: {error.strerror}") from error
