"""Attributes of `chattr` and of FAT, subvolumes and projects: what ioctls tell of open files."""

import errno
import fcntl
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from desync_jobs.formats.flags import FeatureFlags

_F = FeatureFlags

_GET_FLAGS: Final = 0x80086601
_GET_PROJECT: Final = 0x801C581F
_GET_FAT: Final = 0x80047210
_GET_SUBVOLUME: Final = 0x80089419
_SUBVOLUME_READ_ONLY: Final = 2
_PROJECT_OFFSET: Final = 12
_PROJECT_SIZE: Final = 28
_NO_ATTRIBUTES: Final = {errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}

# The bits of linux/fs.h.
_CHATTR: Final[Mapping[int, FeatureFlags]] = MappingProxyType(
    {
        0x20: _F.ATTRIBUTE_APPEND,
        0x80: _F.ATTRIBUTE_NOATIME,
        0x4: _F.ATTRIBUTE_COMPR,
        0x800000: _F.ATTRIBUTE_NOCOW,
        0x40: _F.ATTRIBUTE_NODUMP,
        0x10000: _F.ATTRIBUTE_DIRSYNC,
        0x10: _F.ATTRIBUTE_IMMUTABLE,
        0x8: _F.ATTRIBUTE_SYNC,
        0x400: _F.ATTRIBUTE_NOCOMP,
        0x20000000: _F.ATTRIBUTE_PROJINHERIT,
    }
)
# And of linux/msdos_fs.h.
_FAT: Final[Mapping[int, FeatureFlags]] = MappingProxyType(
    {0x2: _F.FAT_HIDDEN, 0x4: _F.FAT_SYSTEM, 0x20: _F.FAT_ARCHIVE}
)


def chattr_flags(fd: int) -> int:
    """Return the attributes of `chattr` that an open file or directory has."""
    return flags_of_chattr(_number(fd, _GET_FLAGS))


def fat_flags(fd: int) -> int:
    """Return the attributes of an open file or directory of a FAT file system."""
    return flags_of_fat(_number(fd, _GET_FAT))


def flags_of_chattr(bits: int) -> int:
    """Return what stands in an archive for the bits that `FS_IOC_GETFLAGS` tells."""
    return _translated(bits, _CHATTR) if bits else 0


def flags_of_fat(bits: int) -> int:
    """Return what stands in an archive for the bits that `FAT_IOCTL_GET_ATTRIBUTES` tells."""
    return _translated(bits, _FAT)


def subvolume_flags(fd: int) -> int:
    """Return what stands in an archive for a subvolume of btrfs, open at its top."""
    read_only = _number(fd, _GET_SUBVOLUME) & _SUBVOLUME_READ_ONLY
    return int(_F.SUBVOLUME | (_F.SUBVOLUME_READ_ONLY if read_only else 0))


def project_of(fd: int) -> int:
    """Return the project that an open file or directory belongs to; 0 where to none."""
    answer = _answer(fd, _GET_PROJECT, _PROJECT_SIZE)
    return int(struct.unpack_from("=I", answer, _PROJECT_OFFSET)[0])


def _translated(bits: int, table: Mapping[int, FeatureFlags]) -> int:
    return sum(flag for bit, flag in table.items() if bits & bit)


def _number(fd: int, question: int) -> int:
    return int(struct.unpack_from("=I", _answer(fd, question, 8))[0])


def _answer(fd: int, question: int, size: int) -> bytes:
    """Ask; zeros where the file system has no such thing."""
    try:
        return fcntl.ioctl(fd, question, bytes(size))
    except OSError as error:
        if error.errno in _NO_ATTRIBUTES:
            return bytes(size)
        raise
