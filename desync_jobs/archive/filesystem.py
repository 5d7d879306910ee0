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


def file_system(fd: int) -> int:
    """Return the number of the kind of file system that an open file is on: `f_type`."""
    libc = ctypes.CDLL(None, use_errno=True)
    answer = ctypes.create_string_buffer(_STATFS_SIZE)
    if libc.fstatfs(fd, answer) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise SourceError(f"cannot say what kind of file system it is on: {reason}")
    (kind,) = struct.unpack_from("@l", answer)
    return int(kind) & 0xFFFFFFFF


def is_mount_point(folder: int, name: bytes) -> bool:
    """Return whether something is mounted at `name` in an open directory (Linux 5.8)."""
    libc = ctypes.CDLL(None, use_errno=True)
    answer = ctypes.create_string_buffer(_STATX_SIZE)
    if libc.statx(folder, name, _AT_SYMLINK_NOFOLLOW, 0, answer) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    (attributes,) = struct.unpack_from("=Q", answer, 8)
    (known,) = struct.unpack_from("=Q", answer, 56)
    if not known & _MOUNT_ROOT:
        raise SourceError("this system does not say where something is mounted")
    return bool(attributes & _MOUNT_ROOT)
