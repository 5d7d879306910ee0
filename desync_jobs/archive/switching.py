"""Two directories that change places in one moment: renameat2(2), which Python does not have."""

import ctypes
import errno
import os
from typing import Final

from desync_jobs.archive.attributes import set_chattr
from desync_jobs.archive.removal import locking_flags, open_directory, unlock
from desync_jobs.errors import TargetError

_EXCHANGE: Final = 2
_UNSUPPORTED: Final = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


def take_place(folder: int, staged: bytes, name: bytes, path: str) -> None:
    """Rename a directory to `name` in the same open folder; what was there becomes `staged`.

    Raises `TargetError`, and then both are as they were.
    """
    try:
        try:
            _switch(folder, staged, name)
        except PermissionError:
            _switch_unlocked(folder, staged, name)
    except OSError as error:
        advice = ""
        if error.errno in _UNSUPPORTED:
            advice = "; its file system cannot exchange two directories: leave out atomic"
        raise TargetError(f"{path}: cannot be replaced: {error.strerror}{advice}") from error


def _switch(folder: int, staged: bytes, name: bytes) -> None:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if libc.renameat2(folder, staged, folder, name, ctypes.c_uint(_EXCHANGE)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _switch_unlocked(folder: int, staged: bytes, name: bytes) -> None:
    """Switch directories of which one may be immutable; the new one is again afterwards."""
    new = open_directory(folder, staged)
    try:
        flags = locking_flags(new)
        unlock(new)
        try:
            old = open_directory(folder, name)
        except FileNotFoundError:
            pass
        else:
            try:
                unlock(old)
            finally:
                os.close(old)
        _switch(folder, staged, name)
        set_chattr(new, flags, flags)
    finally:
        os.close(new)
