"""What an archive is to keep: casync's names for feature flags, and the normal form of a choice."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from desync_jobs.formats.flags import FeatureFlags

DESYNC_FLAGS: Final = 0xB000000010001F22
"""What desync writes in every entry, whatever it kept: the mark of its dialect."""

_F = FeatureFlags

_SINGLE: Final = {
    "16bit-uids": _F.USER_IDS_16BIT,
    "32bit-uids": _F.USER_IDS_32BIT,
    "user-names": _F.USER_NAMES,
    "sec-time": _F.TIME_SECONDS,
    "usec-time": _F.TIME_MICROSECONDS,
    "nsec-time": _F.TIME_NANOSECONDS,
    "2sec-time": _F.TIME_TWO_SECONDS,
    "read-only": _F.READ_ONLY,
    "permissions": _F.PERMISSIONS,
    "symlinks": _F.SYMLINKS,
    "device-nodes": _F.DEVICE_NODES,
    "fifos": _F.FIFOS,
    "sockets": _F.SOCKETS,
    "flag-hidden": _F.FAT_HIDDEN,
    "flag-system": _F.FAT_SYSTEM,
    "flag-archive": _F.FAT_ARCHIVE,
    "flag-append": _F.ATTRIBUTE_APPEND,
    "flag-noatime": _F.ATTRIBUTE_NOATIME,
    "flag-compr": _F.ATTRIBUTE_COMPR,
    "flag-nocow": _F.ATTRIBUTE_NOCOW,
    "flag-nodump": _F.ATTRIBUTE_NODUMP,
    "flag-dirsync": _F.ATTRIBUTE_DIRSYNC,
    "flag-immutable": _F.ATTRIBUTE_IMMUTABLE,
    "flag-sync": _F.ATTRIBUTE_SYNC,
    "flag-nocomp": _F.ATTRIBUTE_NOCOMP,
    "flag-projinherit": _F.ATTRIBUTE_PROJINHERIT,
    "subvolume": _F.SUBVOLUME,
    "subvolume-ro": _F.SUBVOLUME_READ_ONLY,
    "xattrs": _F.XATTRS,
    "acl": _F.ACL,
    "selinux": _F.SELINUX,
    "fcaps": _F.FILE_CAPABILITIES,
    "quota-projid": _F.QUOTA_PROJECT_ID,
}
_PRESETS: Final = {
    "best": 0x1FFFFFE26,
    "unix": 0x1F09,
    "fat": 0xE0C0,
    "chattr": 0x3FF0000,
    "fat-attrs": 0xE000,
    "privileged": 0x1EC414407,
    "fuse": 0x13FFFFFB,
    "all": 0x1FFFFFFFF,
}

FEATURES: Final[Mapping[str, FeatureFlags]] = MappingProxyType(
    {**_SINGLE, **{name: FeatureFlags(bits) for name, bits in _PRESETS.items()}}
)
"""Every word that casync takes after `--with=` and `--without=`."""

KEPT: Final = FEATURES["all"]
"""The bits that say what is kept of a tree; the others say how an archive was made."""
TIMES: Final = _F.TIME_SECONDS | _F.TIME_MICROSECONDS | _F.TIME_NANOSECONDS | _F.TIME_TWO_SECONDS
FILE_FLAGS: Final = FEATURES["chattr"] | FEATURES["fat-attrs"]
"""The attributes of `chattr` and of FAT that an entry's flags can have."""
ENTRY_FLAGS: Final = FILE_FLAGS | _F.SUBVOLUME | _F.SUBVOLUME_READ_ONLY
"""Everything that an entry's flags can have."""


def select_features(
    wanted: Iterable[str], unwanted: Iterable[str], other: FeatureFlags
) -> FeatureFlags:
    """Return the flags of an archive that keeps `wanted`, or everything, without `unwanted`.

    `other` are the bits for the digest and for what was left out on purpose. `KeyError` for
    a word that is not one of `FEATURES`.
    """
    kept = FeatureFlags(0)
    for name in tuple(wanted) or ("all",):
        kept |= FEATURES[name]
    for name in unwanted:
        kept &= ~FEATURES[name]
    return normal_form(kept | other)


def normal_form(flags: FeatureFlags) -> FeatureFlags:
    """Return `flags` with those that others need, and without those that finer ones make idle."""
    if flags & _F.ACL and not flags & _ANY_IDS:
        flags |= _F.USER_IDS_32BIT | _F.USER_NAMES
    if flags & _F.SUBVOLUME_READ_ONLY:
        flags |= _F.SUBVOLUME
    for finer, idle in _MAKES_IDLE:
        if flags & finer:
            flags &= ~idle
    return flags


_ANY_IDS: Final = _F.USER_IDS_16BIT | _F.USER_IDS_32BIT | _F.USER_NAMES
_MAKES_IDLE: Final = (
    (_F.USER_IDS_32BIT, _F.USER_IDS_16BIT),
    (_F.TIME_NANOSECONDS, _F.TIME_MICROSECONDS | _F.TIME_SECONDS | _F.TIME_TWO_SECONDS),
    (_F.TIME_MICROSECONDS, _F.TIME_SECONDS | _F.TIME_TWO_SECONDS),
    (_F.TIME_SECONDS, _F.TIME_TWO_SECONDS),
    (_F.ACL, _F.PERMISSIONS | _F.READ_ONLY),
    (_F.PERMISSIONS, _F.READ_ONLY),
    (_F.EXCLUDE_NODUMP, _F.ATTRIBUTE_NODUMP),
)
