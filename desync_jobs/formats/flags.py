"""Feature flags: what an index or archive records, one bit for each feature.

The same 64-bit field stands in every index header and every archive entry of
casync and desync. For the index of a blob only three bits mean anything: the
digest, and which kinds of files an archiver would have left out.
"""

from enum import IntFlag
from typing import Final

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import CutMode


class FeatureFlags(IntFlag):
    """The bits casync knows; any other bit makes an index unreadable for it."""

    USER_IDS_16BIT = 0x1
    USER_IDS_32BIT = 0x2
    USER_NAMES = 0x4
    TIME_SECONDS = 0x8
    TIME_MICROSECONDS = 0x10
    TIME_NANOSECONDS = 0x20
    TIME_TWO_SECONDS = 0x40
    READ_ONLY = 0x80
    PERMISSIONS = 0x100
    SYMLINKS = 0x200
    DEVICE_NODES = 0x400
    FIFOS = 0x800
    SOCKETS = 0x1000
    FAT_HIDDEN = 0x2000
    FAT_SYSTEM = 0x4000
    FAT_ARCHIVE = 0x8000
    ATTRIBUTE_APPEND = 0x10000
    ATTRIBUTE_NOATIME = 0x20000
    ATTRIBUTE_COMPR = 0x40000
    ATTRIBUTE_NOCOW = 0x80000
    ATTRIBUTE_NODUMP = 0x100000
    ATTRIBUTE_DIRSYNC = 0x200000
    ATTRIBUTE_IMMUTABLE = 0x400000
    ATTRIBUTE_SYNC = 0x800000
    ATTRIBUTE_NOCOMP = 0x1000000
    ATTRIBUTE_PROJINHERIT = 0x2000000
    SUBVOLUME = 0x4000000
    SUBVOLUME_READ_ONLY = 0x8000000
    XATTRS = 0x10000000
    ACL = 0x20000000
    SELINUX = 0x40000000
    FILE_CAPABILITIES = 0x80000000
    QUOTA_PROJECT_ID = 0x100000000
    EXCLUDE_FILE = 0x1000000000000000
    SHA512_256 = 0x2000000000000000
    EXCLUDE_SUBMOUNTS = 0x4000000000000000
    EXCLUDE_NODUMP = 0x8000000000000000


KNOWN_FLAGS: Final = 0xF0000001FFFFFFFF

_F = FeatureFlags
_ANY_IDS: Final = _F.USER_IDS_16BIT | _F.USER_IDS_32BIT | _F.USER_NAMES
_COARSER_THAN_NANOSECONDS: Final = _F.TIME_MICROSECONDS | _F.TIME_SECONDS | _F.TIME_TWO_SECONDS
_COARSER_THAN_MICROSECONDS: Final = _F.TIME_SECONDS | _F.TIME_TWO_SECONDS

# In the normal form, each flag on the left stands alone: it says more than those on the right.
_LEAVES_OUT: Final = (
    (_F.USER_IDS_32BIT, _F.USER_IDS_16BIT),
    (_F.TIME_NANOSECONDS, _COARSER_THAN_NANOSECONDS),
    (_F.TIME_MICROSECONDS, _COARSER_THAN_MICROSECONDS),
    (_F.TIME_SECONDS, _F.TIME_TWO_SECONDS),
    (_F.ACL, _F.PERMISSIONS | _F.READ_ONLY),
    (_F.PERMISSIONS, _F.READ_ONLY),
    (_F.EXCLUDE_NODUMP, _F.ATTRIBUTE_NODUMP),
)
# And each flag on the left needs at least one of those on the right.
_NEEDS: Final = (
    (_F.ACL, _ANY_IDS),
    (_F.SUBVOLUME_READ_ONLY, _F.SUBVOLUME),
)


def blob_flags(algorithm: DigestAlgorithm, mode: CutMode) -> int:
    """Return the flags that casync, or desync before 1.1, gives the index of a blob."""
    flags = FeatureFlags.EXCLUDE_NODUMP
    if algorithm is DigestAlgorithm.SHA512_256:
        flags |= FeatureFlags.SHA512_256
    if mode is CutMode.CASYNC:
        flags |= FeatureFlags.EXCLUDE_FILE
    return int(flags)


# A plain number: each file of an archive is asked, and flags cost 20 times as much.
_SHA512_256: Final = int(FeatureFlags.SHA512_256)


def flags_algorithm(flags: int) -> DigestAlgorithm:
    """Return the digest that the chunk IDs beside these flags are made with."""
    return DigestAlgorithm.SHA512_256 if flags & _SHA512_256 else DigestAlgorithm.SHA256


def flags_problem(flags: int) -> str | None:
    """Say why casync would not read these flags; None where it would."""
    unknown = flags & ~KNOWN_FLAGS
    if unknown:
        return f"feature flags {flags:#x} have unknown bits {unknown:#x}"
    for flag, others in _LEAVES_OUT:
        if flags & flag and flags & others:
            return f"feature flags {flags:#x} are not in normal form: {flag.name} excludes " + (
                _names(flags & others)
            )
    for flag, others in _NEEDS:
        if flags & flag and not flags & others:
            return f"feature flags {flags:#x} are not in normal form: {flag.name} needs " + (
                _names(others)
            )
    return None


def _names(flags: int) -> str:
    return " or ".join(str(flag.name) for flag in FeatureFlags if flags & flag)
