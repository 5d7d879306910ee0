"""Space of a file, taken or given back: `fallocate(2)`, which Python has in part only."""

import ctypes
import errno
import os
from enum import IntEnum
from typing import Final


class Change(IntEnum):
    """What becomes of a range; the values are those of linux/falloc.h."""

    ALLOCATE = 0
    PUNCH_HOLE = 0x02 | 0x01
    """Zeros without blocks; the size of the file stays."""


_UNSUPPORTED: Final = {errno.EOPNOTSUPP, errno.ENODEV, errno.EINVAL, errno.ENOSYS}


def fallocate(fd: int, change: Change, offset: int, length: int) -> bool:
    """Change a range of an open file; False where its file system or device cannot.

    Raises `OSError` where it can, and this did not succeed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.fallocate(fd, change.value, ctypes.c_int64(offset), ctypes.c_int64(length)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code))
