"""Attributes of `chattr` and of FAT, subvolumes and projects: what ioctls tell and change."""

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
_SET_FLAGS: Final = 0x40086602
_SET_PROJECT: Final = 0x401C5820
_SET_FAT: Final = 0x40047211
_SET_SUBVOLUME: Final = 0x4008941A
_MAKE_SUBVOLUME: Final = 0x5000940E
_SUBVOLUME_NAME: Final = struct.Struct("=q4088s")
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


def bits_of_chattr(flags: int) -> int:
    """Return the bits of `FS_IOC_GETFLAGS` for what stands in an archive."""
    return sum(bit for bit, flag in _CHATTR.items() if flags & flag)


def bits_of_fat(flags: int) -> int:
    """Return the bits of `FAT_IOCTL_GET_ATTRIBUTES` for what stands in an archive."""
    return sum(bit for bit, flag in _FAT.items() if flags & flag)


def subvolume_flags(fd: int) -> int:
    """Return what stands in an archive for a subvolume of btrfs, open at its top."""
    read_only = _number(fd, _GET_SUBVOLUME) & _SUBVOLUME_READ_ONLY
    return int(_F.SUBVOLUME | (_F.SUBVOLUME_READ_ONLY if read_only else 0))


def project_of(fd: int) -> int:
    """Return the project that an open file or directory belongs to; 0 where to none."""
    answer = _answer(fd, _GET_PROJECT, _PROJECT_SIZE)
    return int(struct.unpack_from("=I", answer, _PROJECT_OFFSET)[0])


def set_chattr(fd: int, wanted: int, among: int) -> None:
    """Give an open file those attributes of `chattr` among `among` that are in `wanted`.

    Both are bits of an archive; what it has besides stays. Raises `OSError`.
    """
    _change(fd, (_GET_FLAGS, _SET_FLAGS), _CHATTR, wanted, among)


def set_fat(fd: int, wanted: int, among: int) -> None:
    """Give an open file its attributes of FAT, in the same way."""
    _change(fd, (_GET_FAT, _SET_FAT), _FAT, wanted, among)


def set_project(fd: int, number: int) -> None:
    """Make an open file or directory part of a project, or of none with 0; raises `OSError`."""
    answer = bytearray(_answer(fd, _GET_PROJECT, _PROJECT_SIZE))
    struct.pack_into("=I", answer, _PROJECT_OFFSET, number)
    fcntl.ioctl(fd, _SET_PROJECT, bytes(answer))


def make_subvolume(folder: int, name: bytes) -> None:
    """Make a subvolume in an open directory of btrfs; raises `OSError`."""
    # As a bytearray: of anything else no more than a kilobyte is taken.
    fcntl.ioctl(folder, _MAKE_SUBVOLUME, bytearray(_SUBVOLUME_NAME.pack(0, name)))


def set_subvolume_read_only(fd: int) -> None:
    """Let nothing in a subvolume of btrfs, open at its top, be changed; raises `OSError`."""
    bits = _number(fd, _GET_SUBVOLUME)
    fcntl.ioctl(fd, _SET_SUBVOLUME, struct.pack("=Q", bits | _SUBVOLUME_READ_ONLY))


def _change(
    fd: int,
    questions: tuple[int, int],
    table: Mapping[int, FeatureFlags],
    wanted: int,
    among: int,
) -> None:
    """Change bits that are in `table`; nothing is asked of a file that has them right already."""
    get, put = questions
    before = _number(fd, get)
    after = before
    for bit, flag in table.items():
        if flag & among:
            after = after | bit if flag & wanted else after & ~bit
    if after != before:
        fcntl.ioctl(fd, put, struct.pack("=I", after) + bytes(4))


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
