"""What the feature flags of an archive allow in it, and what a kind of node can have.

Source: casync's `cadecoder.c` and `caformat-util.c`, as told in its documentation and found by
giving it archives that break a rule.
"""

import stat
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar import records as r
from desync_jobs.formats.catar.features import DESYNC_FLAGS, ENTRY_FLAGS, FILE_FLAGS
from desync_jobs.formats.catar.node import NodeKind, node_kind
from desync_jobs.formats.catar.records import Entry, Record
from desync_jobs.formats.flags import FeatureFlags, flags_problem

_F = FeatureFlags
_EVERYTHING: Final = 0o777
# Plain numbers: each entry is asked about a dozen of them, and flags cost 20 times as much.
_FLAGS_OF: Final = MappingProxyType(
    {NodeKind.DIRECTORY: int(ENTRY_FLAGS), NodeKind.FILE: int(FILE_FLAGS)}
)
_GRANULARITIES: Final = (
    (int(_F.TIME_NANOSECONDS), 1),
    (int(_F.TIME_MICROSECONDS), 1_000),
    (int(_F.TIME_SECONDS), 1_000_000_000),
    (int(_F.TIME_TWO_SECONDS), 2_000_000_000),
)
_PERMISSIONS: Final = int(_F.PERMISSIONS | _F.ACL)
_READ_ONLY: Final = int(_F.READ_ONLY)
_IDS_32_BIT: Final = int(_F.USER_IDS_32BIT)
_IDS_16_BIT: Final = int(_F.USER_IDS_16BIT)
_USER_NAMES: Final = int(_F.USER_NAMES)
_DESYNC_FLAGS: Final = int(DESYNC_FLAGS)
_ACL_NAMES: Final = (r.AclUser, r.AclGroup, r.AclDefaultUser, r.AclDefaultGroup)
_ACL_RECORDS: Final = (*_ACL_NAMES, r.AclGroupObj, r.AclDefault)
_NOT_ON_LINKS: Final = (r.Xattr, *_ACL_RECORDS)
_NEEDS: Final[Mapping[type[Record], int]] = MappingProxyType(
    {
        r.User: int(_F.USER_NAMES),
        r.Group: int(_F.USER_NAMES),
        r.Xattr: int(_F.XATTRS),
        **dict.fromkeys(_ACL_RECORDS, int(_F.ACL)),
        r.Selinux: int(_F.SELINUX),
        r.Fcaps: int(_F.FILE_CAPABILITIES),
        r.QuotaProject: int(_F.QUOTA_PROJECT_ID),
    }
)
_KIND_NEEDS: Final = MappingProxyType(
    {
        NodeKind.SYMLINK: int(_F.SYMLINKS),
        NodeKind.BLOCK_DEVICE: int(_F.DEVICE_NODES),
        NodeKind.CHARACTER_DEVICE: int(_F.DEVICE_NODES),
        NodeKind.FIFO: int(_F.FIFOS),
        NodeKind.SOCKET: int(_F.SOCKETS),
    }
)
_ON: Final[Mapping[type[Record], tuple[NodeKind, ...]]] = MappingProxyType(
    {
        r.AclDefault: (NodeKind.DIRECTORY,),
        r.AclDefaultUser: (NodeKind.DIRECTORY,),
        r.AclDefaultGroup: (NodeKind.DIRECTORY,),
        r.Fcaps: (NodeKind.FILE,),
        r.QuotaProject: (NodeKind.DIRECTORY, NodeKind.FILE),
    }
)


def is_desyncs(features: int) -> bool:
    """Whether an archive with these flags is in the dialect of desync."""
    return features == _DESYNC_FLAGS


def keeps_kind(features: int, kind: NodeKind) -> bool:
    """Whether an archive with these flags can have nodes of this kind."""
    return _has(features, _KIND_NEEDS.get(kind))


def granularity(features: int) -> int:
    """Return the nanoseconds that times of an archive are multiples of; 0 where it has none."""
    return next((unit for flag, unit in _GRANULARITIES if features & flag), 0)


def check_features(features: int) -> None:
    """Check the flags of an archive's first entry; `ArchiveFormatError`."""
    problem = flags_problem(features)
    if problem is not None:
        raise ArchiveFormatError(problem)


def check_entry(entry: Entry) -> NodeKind:
    """Check an entry by its own flags, and return what it is; `ArchiveFormatError`."""
    kind = _check_timeless(entry.feature_flags, entry.mode, entry.flags, entry.uid, entry.gid)
    _check_time(entry)
    return kind


@lru_cache(maxsize=256)
def _check_timeless(features: int, mode: int, flags: int, uid: int, gid: int) -> NodeKind:
    """Check all of an entry but its time; few are different in a tree."""
    try:
        kind = node_kind(mode)
    except KeyError:
        raise ArchiveFormatError(f"an ENTRY record with the mode {mode:#o}") from None
    if not _has(features, _KIND_NEEDS.get(kind)):
        raise ArchiveFormatError(f"a {kind.value}, which the feature flags leave out")
    _check_mode(features, mode, kind)
    _check_ids(features, owner=uid, group=gid)
    if flags & ~(features & _FLAGS_OF.get(kind, 0)):
        raise ArchiveFormatError(f"an ENTRY record of a {kind.value} with the flags {flags:#x}")
    return kind


def _has(features: int, needed: int | None) -> bool:
    return needed is None or bool(features & needed)


def _check_mode(features: int, mode: int, kind: NodeKind) -> None:
    if kind is NodeKind.SYMLINK:
        # desync takes the mode that a tar archive tells.
        if stat.S_IMODE(mode) != _EVERYTHING and not is_desyncs(features):
            raise ArchiveFormatError(f"a symbolic link with the mode {mode:#o}")
        return
    if features & _PERMISSIONS:
        return
    every = _EVERYTHING if kind is NodeKind.DIRECTORY else 0o666
    allowed = {every}
    if features & _READ_ONLY:
        allowed.add(every & ~0o222)
    if stat.S_IMODE(mode) not in allowed:
        raise ArchiveFormatError(
            f"the mode {mode:#o}, though the feature flags leave permissions out"
        )


def _check_ids(features: int, **ids: int) -> None:
    if features & _IDS_32_BIT:
        return
    limit = 0xFFFF if features & _IDS_16_BIT else 1
    for word, number in ids.items():
        if number >= limit:
            raise ArchiveFormatError(f"the {word} {number}, which the feature flags leave out")


def _check_time(entry: Entry) -> None:
    for flag, unit in _GRANULARITIES:
        if entry.feature_flags & flag:
            # Of the number as it is stored: casync cuts that off, not the time.
            if entry.mtime_ns % (1 << 64) % unit:
                raise ArchiveFormatError(
                    f"a time of {entry.mtime_ns} ns, finer than {FeatureFlags(flag).name}"
                )
            return
    if entry.mtime_ns:
        raise ArchiveFormatError("a time, which the feature flags leave out")


def check_allowed(record: Record, entry: Entry, kind: NodeKind) -> None:
    """Check that a node of this entry can have `record`; `ArchiveFormatError`."""
    name = type(record).__name__
    if not _has(entry.feature_flags, _NEEDS.get(type(record))):
        raise ArchiveFormatError(f"a record {name}, which the feature flags leave out")
    if kind not in _ON.get(type(record), (kind,)):
        raise ArchiveFormatError(f"a record {name} on a {kind.value}")
    plain = kind is not NodeKind.SYMLINK or is_desyncs(entry.feature_flags)
    if isinstance(record, _NOT_ON_LINKS) and not plain:
        raise ArchiveFormatError(f"a record {name} on a link")
    if isinstance(record, _ACL_NAMES):
        _check_ids(entry.feature_flags, **{"ID of an access list": record.id})
        if record.name is not None and not entry.feature_flags & _USER_NAMES:
            raise ArchiveFormatError("a name in an access list, which the feature flags leave out")
