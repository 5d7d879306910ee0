"""What kind of file system a file is on, and whether something is mounted at its name."""

import ctypes
import os
import struct
from typing import Final

from desync_jobs.errors import SourceError

FAT: Final = 0x4D44
BTRFS: Final = 0x9123683E
_EXT4: Final = 0xEF53
_XFS: Final = 0x58465342
_F2FS: Final = 0xF2F52010
WITH_PROJECTS: Final = frozenset({_EXT4, _XFS, _F2FS})
"""Those whose files belong to projects."""
COARSE: Final = frozenset({FAT, 0x2011BAB0, 0x6969, 0xFF534D42, 0xFE534D42, 0x65735546})
"""Those that may round times: FAT, exFAT, NFS, SMB, FUSE."""

PSEUDO: Final = frozenset(
    {
        0x42494E4D,  # binfmt_misc
        0xCAFE4A11,  # bpf
        0x27E0EB,  # cgroup
        0x63677270,  # cgroup2
        0x62656570,  # configfs
        0x64626720,  # debugfs
        0x1CD1,  # devpts
        0xDE5E81E4,  # efivarfs
        0x65735543,  # fusectl
        0x958458F6,  # hugetlbfs
        0x19800202,  # mqueue
        0x9FA0,  # proc
        0x6165676C,  # pstore
        0x67596969,  # rpc_pipefs
        0x73636673,  # securityfs
        0xF97CFF8C,  # selinuxfs
        0x43415D53,  # smackfs
        0x62656572,  # sysfs
        0x74726163,  # tracefs
    }
)
"""Those that show the kernel's own state; numbers of linux/magic.h."""

_STATFS_SIZE: Final = 256
_STATX_SIZE: Final = 256
_AT_SYMLINK_NOFOLLOW: Final = 0x100
_MOUNT_ROOT: Final = 0x2000
_NODUMP: Final = 0x40


def file_system(fd: int) -> int:
    """Return the number of the kind of file system that an open file is on: `f_type`."""
    libc = ctypes.CDLL(None, use_errno=True)
    answer = ctypes.create_string_buffer(_STATFS_SIZE)
    if libc.fstatfs(fd, answer) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise SourceError(f"cannot say what kind of file system it is on: {reason}")
    (kind,) = struct.unpack_from("@l", answer)
    return int(kind) & 0xFFFFFFFF


class Attributes:
    """Asks what kinds of file names in open directories are, without opening any (Linux 5.8)."""

    def __init__(self) -> None:
        # Looking the function up takes several times as long as calling it.
        self._statx = ctypes.CDLL(None, use_errno=True).statx
        self._answer = ctypes.create_string_buffer(_STATX_SIZE)

    def mounted(self, folder: int, name: bytes) -> bool:
        """Return whether something is mounted at `name`."""
        attributes, known = self._ask(folder, name)
        if not known & _MOUNT_ROOT:
            raise SourceError("this system does not say where something is mounted")
        return bool(attributes & _MOUNT_ROOT)

    def undumped(self, folder: int, name: bytes) -> bool:
        """Return whether `name` has the attribute `d` of `chattr`, as far as that is known."""
        return bool(self._ask(folder, name)[0] & _NODUMP)

    def _ask(self, folder: int, name: bytes) -> tuple[int, int]:
        """Return the attributes of a file, and which of them are known at all."""
        if self._statx(folder, name, _AT_SYMLINK_NOFOLLOW, 0, self._answer) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        (attributes,) = struct.unpack_from("=Q", self._answer, 8)
        (known,) = struct.unpack_from("=Q", self._answer, 56)
        return attributes, known


def is_mount_point(folder: int, name: bytes) -> bool:
    """Return whether something is mounted at `name` in an open directory (Linux 5.8)."""
    return Attributes().mounted(folder, name)
