"""Taking away what is in the way, or what an archive does not have: whole trees, and nothing else.

Everything is reached through descriptors of its directory; links are removed and never followed,
and what is mounted somewhere is never entered.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from desync_jobs.archive.attributes import chattr_flags, set_chattr
from desync_jobs.archive.filesystem import is_mount_point
from desync_jobs.errors import TargetError
from desync_jobs.formats.flags import FeatureFlags

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ANY: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOCKED: Final = int(FeatureFlags.ATTRIBUTE_APPEND | FeatureFlags.ATTRIBUTE_IMMUTABLE)
_ALL_OF_OWNER: Final = 0o700


class _Change(Protocol):
    def __call__(self, name: bytes, /, *, dir_fd: int) -> None: ...


@dataclass(slots=True)
class _Level:
    fd: int
    name: bytes
    path: bytes
    entries: Iterator[bytes]


def remove(folder: int, name: bytes, path: bytes) -> int:
    """Remove what is called `name` in an open directory, with everything in it.

    Returns how many entries that were; `path` is for messages. Raises `TargetError`.
    """
    try:
        return _remove(folder, name, path)
    except OSError as error:
        raise TargetError(f"{os.fsdecode(path)}: cannot be removed: {error.strerror}") from error


def _remove(folder: int, name: bytes, path: bytes) -> int:
    removed = 0
    levels = [_Level(folder, b"", b"", iter((name,)))]
    try:
        while True:
            top = levels[-1]
            entry = next(top.entries, None)
            if entry is not None:
                below = path if len(levels) == 1 else top.path + b"/" + entry
                level = _unlink(top.fd, entry, below)
                if level is None:
                    removed += 1
                else:
                    levels.append(level)
            elif len(levels) == 1:
                return removed
            else:
                levels.pop()
                os.close(top.fd)
                _forced(os.rmdir, levels[-1].fd, top.name)
                removed += 1
    finally:
        for level in levels[1:]:
            os.close(level.fd)


def _unlink(folder: int, name: bytes, path: bytes) -> _Level | None:
    """Remove what is no directory; enter what is one."""
    try:
        _forced(os.unlink, folder, name)
    except IsADirectoryError:
        pass
    except FileNotFoundError:
        return None
    else:
        return None
    if is_mount_point(folder, name):
        raise TargetError(
            f"{os.fsdecode(path)}: cannot be removed: something is mounted there; unmount it first"
        )
    fd = open_directory(folder, name)
    try:
        return _Level(fd, name, path, iter([os.fsencode(one) for one in os.listdir(fd)]))
    except BaseException:
        os.close(fd)
        raise


def open_directory(folder: int, name: bytes) -> int:
    """Open a directory to change what is in it; its mode and attributes are made to let us.

    Raises `OSError`; a link is no directory.
    """
    try:
        fd = os.open(name, _DIRECTORY, dir_fd=folder)
    except PermissionError:
        handle = os.open(name, os.O_PATH | _DIRECTORY, dir_fd=folder)
        try:
            os.chmod(f"/proc/self/fd/{handle}", _ALL_OF_OWNER)
        finally:
            os.close(handle)
        fd = os.open(name, _DIRECTORY, dir_fd=folder)
    try:
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        if mode & _ALL_OF_OWNER != _ALL_OF_OWNER and not _can_change(fd):
            os.fchmod(fd, mode | _ALL_OF_OWNER)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _can_change(fd: int) -> bool:
    return os.access(".", os.W_OK | os.X_OK, dir_fd=fd, effective_ids=True)


def locking_flags(fd: int) -> int:
    """Return the attributes of `chattr` that keep an open file or directory from being changed."""
    return chattr_flags(fd) & _LOCKED


def unlock(fd: int) -> None:
    """Let an open file or directory be changed that `chattr` keeps from that; `OSError`."""
    if locking_flags(fd):
        set_chattr(fd, 0, _LOCKED)


def unlock_entry(folder: int, name: bytes) -> None:
    """Let an entry be replaced or removed, as far as `chattr` keeps it from that; `OSError`."""
    unlock(folder)
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return  # nothing else has attributes, and opening a device can have it do something
    fd = os.open(name, _ANY, dir_fd=folder)
    try:
        unlock(fd)
    finally:
        os.close(fd)


def _forced(change: _Change, folder: int, name: bytes) -> None:
    try:
        change(name, dir_fd=folder)
    except PermissionError:
        unlock_entry(folder, name)
        change(name, dir_fd=folder)
