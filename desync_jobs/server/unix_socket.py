"""Listening at a path: a socket file that nobody serves any more is replaced, a live one is not."""

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from desync_jobs.errors import ServerError

_BACKLOG: Final = 128
_LONGEST: Final = 107
"""Bytes of the longest path that a socket can have on Linux."""


@contextmanager
def unix_listener(path: str) -> Iterator[socket.socket]:
    """Yield a socket that listens at `path`; its file is removed at the end.

    `ServerError` where that is impossible: another server listens there, or the file is no socket.
    """
    if len(os.fsencode(path)) > _LONGEST:
        raise ServerError(
            f"{path}: has more than the {_LONGEST} bytes that the path of a socket may have; "
            "choose a shorter one"
        )
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            mine = _bound(listener, path)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise ServerError(f"cannot listen on {path}: {reason}") from error
        try:
            yield listener
        finally:
            with suppress(OSError):
                if _identity(path) == mine:
                    os.unlink(path)


def _bound(listener: socket.socket, path: str) -> tuple[int, int, int]:
    """Listen at `path`; return which file that is."""
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Two that begin at once must not both take the file of a third for abandoned.
        fcntl.flock(folder, fcntl.LOCK_EX)
        _remove_abandoned(path)
        listener.bind(path)
        listener.listen(_BACKLOG)
        return _identity(path)
    finally:
        os.close(folder)


def _remove_abandoned(path: str) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ServerError(f"cannot listen on {path}: it is there and no socket; choose another")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)  # noqa: FBT003 - the name says it
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:  # somebody listens, and has more to do than it can
            pass
    raise ServerError(f"cannot listen on {path}: another server does")


def _identity(path: str) -> tuple[int, int, int]:
    found = os.lstat(path)
    # A number is used again soon; the time stays, also where somebody lets others connect.
    return found.st_dev, found.st_ino, found.st_mtime_ns
