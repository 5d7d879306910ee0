"""The two system calls of Linux that a store needs and Python does not have."""

import ctypes
import errno
import os
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_CURRENT_DIRECTORY: Final = -100
_NO_REPLACE: Final = 1
_NOT_SUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


def rename_new(source: str, target: str) -> None:
    """Rename a file; `FileExistsError` where `target` exists, which is then left alone.

    On file systems without renameat2(2) this is a link, and where there are no links
    either a check before an ordinary rename.
    """
    try:
        _rename_no_replace(source, target)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise
        _link_new(source, target)


def sync_file_system(descriptor: int) -> None:
    """Return when the file system of an open file is on its disk; raises what failed there."""
    syncfs = getattr(_LIBC, "syncfs", None)
    if syncfs is None:
        os.sync()
    elif syncfs(descriptor):
        raise _last_error(None)


def _rename_no_replace(source: str, target: str) -> None:
    renameat2 = getattr(_LIBC, "renameat2", None)
    if renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    here = ctypes.c_int(_CURRENT_DIRECTORY)
    names = os.fsencode(source), os.fsencode(target)
    if renameat2(here, names[0], here, names[1], ctypes.c_uint(_NO_REPLACE)):
        raise _last_error(target)


def _link_new(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from None
        os.rename(source, target)
    else:
        os.unlink(source)


def _last_error(path: str | None) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), path)
