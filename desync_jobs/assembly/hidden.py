"""Hidden files beside a target: their names, and the lock on them.

A name follows from the target's name alone, so that the next run finds what a killed one left.
"""

import contextlib
import errno
import fcntl
import os
import time
from typing import Final

from desync_jobs.errors import LockedError

_NAME_BYTES: Final = 200
"""Of the target's name kept in the hidden name; a file name may have 255 bytes."""


_PAUSES: Final = (0.002, 0.02)
"""Seconds between attempts to lock."""


def hidden_path(target: str, suffix: str) -> str:
    """Return the name of the hidden file with `suffix` beside `target`, links followed."""
    folder, name = os.path.split(os.path.realpath(target))
    kept = os.fsencode(name)[:_NAME_BYTES]
    return os.path.join(folder, f".{os.fsdecode(kept)}.desync-run.{suffix}")


def staged_path(target: str) -> str:
    """Return where the next version of `target` is put together."""
    return hidden_path(target, "tmp")


def discard(hidden: str) -> None:
    """Remove a hidden file that nobody needs any more; left where a run has it, or that fails."""
    with contextlib.suppress(OSError):
        fd = os.open(hidden, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(fd, hidden):
                os.unlink(hidden)
        finally:
            os.close(fd)


def is_locked(hidden: str) -> bool:
    """Whether a run has a hidden file open now, as far as this user may see."""
    try:
        fd = os.open(hidden, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # For a moment: `open_locked` has the patience.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def open_locked(hidden: str) -> int:
    """Open and lock a hidden file, creating it; `LockedError` while another run has it."""
    while True:
        fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            _lock(fd)
            if _is_still(fd, hidden):
                return fd
        except BlockingIOError as error:
            os.close(fd)
            raise LockedError(f"{hidden} is locked: another run is writing this target") from error
        except BaseException:
            os.close(fd)
            raise
        # Its owner renamed or removed it between our open and our lock.
        os.close(fd)


def _lock(fd: int) -> None:
    """Lock, in spite of somebody who only sees whether that is locked."""
    for pause in _PAUSES:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(pause)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_still(fd: int, path: str) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return False
        raise
    mine = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
