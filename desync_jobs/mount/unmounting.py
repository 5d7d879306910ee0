"""Taking a file system away again: asked for, forced, or left behind by a process that is dead."""

import ctypes
import errno
import os
import subprocess
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_FORCE: Final = 1
_DETACH: Final = 2
_HELPER: Final = "fusermount3"
"""Unmounts for those who are not root; it is part of libfuse's package."""


def unmount(place: str) -> bool:
    """Unmount what is at `place`; False where that cannot be done now, because it is in use."""
    number = _umount(place, 0)
    if number == errno.EPERM:
        return _helped("-u", place)
    return number in {0, errno.EINVAL}  # the latter: nothing is mounted there any more


def detach(place: str) -> None:
    """Take what is at `place` away, whoever uses it; open files of it fail from then on."""
    number = _umount(place, _FORCE)
    if number == errno.EPERM:
        _helped("-uz", place)
    elif number == errno.EBUSY:  # its connection is cut; what is open keeps it from going
        _umount(place, _DETACH)


def is_mounted(device: int) -> bool:
    """Whether the file system with this number is mounted anywhere; asks nothing of it."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        number = f"{os.major(device)}:{os.minor(device)}"
        return any(line.split(" ", 3)[2] == number for line in table)


def left_behind(place: str) -> bool:
    """Whether the process of the file system at `place` is dead, so that nothing works there."""
    try:
        os.statvfs(place)  # asked anew each time, unlike stat(2)
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def _umount(place: str, flags: int) -> int:
    """Return 0 or the number of the error."""
    if _LIBC.umount2(os.fsencode(place), flags) == 0:
        return 0
    return ctypes.get_errno()


def _helped(option: str, place: str) -> bool:
    try:
        helped = subprocess.run(
            [_HELPER, option, "-q", "--", place],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return helped.returncode == 0
