"""What a file is to have on disk, from its node and from what is asked for.

An archive says with its feature flags what it keeps. Of that the choice of who unpacks it leaves a
part; what is not in it stays as the system makes it.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from desync_jobs.archive.acl import ACCESS, DEFAULT, lists_of
from desync_jobs.archive.numbers import Numbers
from desync_jobs.formats.catar.features import ENTRY_FLAGS, FEATURES, FILE_FLAGS, normal_form
from desync_jobs.formats.catar.node import Node
from desync_jobs.formats.flags import FeatureFlags

_F = FeatureFlags

CAPABILITY: Final = "security.capability"
LABEL: Final = "security.selinux"
_XATTRS: Final = ("user.", "trusted.")
_IDS: Final = _F.USER_IDS_16BIT | _F.USER_IDS_32BIT
_OWNERS: Final = _IDS | _F.USER_NAMES
_MODES: Final = _F.PERMISSIONS | _F.ACL | _F.READ_ONLY
_TICKS: Final = (
    (_F.TIME_NANOSECONDS, 1),
    (_F.TIME_MICROSECONDS, 1_000),
    (_F.TIME_SECONDS, 1_000_000_000),
    (_F.TIME_TWO_SECONDS, 2_000_000_000),
)
_PERMISSIONS: Final = ((_F.ACL, _F.PERMISSIONS), (_F.PERMISSIONS, _F.READ_ONLY))
"""What an archive has with each of these, and what is left of it without."""
_COARSER: Final = (
    (_F.USER_IDS_32BIT, _F.USER_IDS_16BIT),
    (_F.TIME_NANOSECONDS, _F.TIME_MICROSECONDS),
    (_F.TIME_MICROSECONDS, _F.TIME_SECONDS),
    (_F.TIME_SECONDS, _F.TIME_TWO_SECONDS),
)
"""What can be had of each of these instead."""
_OF_KINDS: Final = {
    stat.S_IFLNK: _F.SYMLINKS,
    stat.S_IFBLK: _F.DEVICE_NODES,
    stat.S_IFCHR: _F.DEVICE_NODES,
    stat.S_IFIFO: _F.FIFOS,
    stat.S_IFSOCK: _F.SOCKETS,
}


class Wanted(NamedTuple):
    """What one file is to have; None for what is left alone."""

    mode: int | None
    """Its permissions, with set-user-ID and the like."""
    read_only: bool | None
    """Whether nobody may write, where that is all that is known of its mode."""
    owner: tuple[int, int] | None
    """The numbers of its user and group here."""
    mtime_ns: int | None
    attributes: dict[str, bytes]
    """Extended attributes of every kind, in the order in which they are set."""
    flags: int
    """Attributes of `chattr` and FAT, and of subvolumes, as bits of an archive."""
    project: int | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What of an archive is wanted."""

    with_features: tuple[str, ...] = ()
    """Words of casync's; everything where nothing is said."""
    without_features: tuple[str, ...] = ()
    same_owner: bool = True
    same_permissions: bool = True

    def of(self, features: int) -> FeatureFlags:
        """Return what is wanted of an archive with these feature flags."""
        found = _with_implied(FeatureFlags(features), _PERMISSIONS) & ~_union(self.without_features)
        found = _with_implied(found, _COARSER)
        # Whoever wants more than there is gets what there is.
        found &= _with_implied(_union(self.with_features or ("all",)), _PERMISSIONS + _COARSER)
        if not self.same_owner:
            found &= ~_OWNERS
        if not self.same_permissions:
            found &= ~_MODES
        if not found & _F.SUBVOLUME:
            found &= ~_F.SUBVOLUME_READ_ONLY
        # Lists of numbers need no owners that are kept, and bring their mode along.
        lists = found & _F.ACL
        return normal_form(found & ~lists) & ~(_F.PERMISSIONS if lists else lists) | lists


def _with_implied(
    found: FeatureFlags, table: tuple[tuple[FeatureFlags, FeatureFlags], ...]
) -> FeatureFlags:
    for more, less in table:
        if found & more:
            found |= less
    return found


def _union(words: Iterable[str]) -> FeatureFlags:
    kept = FeatureFlags(0)
    for word in words:
        kept |= FEATURES[word]
    return kept


class Demands:
    """Says what each node of one archive is to have here."""

    def __init__(self, features: FeatureFlags) -> None:
        self._numbers = Numbers()
        self._named = bool(features & _F.USER_NAMES)
        self._owners = bool(features & _OWNERS)
        self._modes = bool(features & (_F.PERMISSIONS | _F.ACL))
        self._read_only = bool(features & _F.READ_ONLY)
        self.tick = next((tick for unit, tick in _TICKS if features & unit), 0)
        """Nanoseconds that times are made multiples of; 0 where there are none."""
        self.flags = int(features & ENTRY_FLAGS)
        """Attributes of `chattr`, FAT and subvolumes that are kept."""
        self.file_flags = int(features & FILE_FLAGS)
        """Those of them that `chattr` and FAT have."""
        self._projects = bool(features & _F.QUOTA_PROJECT_ID)
        self._xattrs = bool(features & _F.XATTRS)
        self._lists = bool(features & _F.ACL)
        self._label = bool(features & _F.SELINUX)
        self._capabilities = bool(features & _F.FILE_CAPABILITIES)
        self._left_out = {kind for kind, needed in _OF_KINDS.items() if not features & needed}

    def leaves_out(self, node: Node) -> bool:
        """Whether nothing of this kind is wanted."""
        return stat.S_IFMT(node.entry.mode) in self._left_out

    def replaces(self, attribute: str) -> bool:
        """Whether a file loses an extended attribute that its node does not have."""
        if attribute.startswith(_XATTRS):
            return self._xattrs
        if attribute == CAPABILITY:
            return self._capabilities
        return self._lists and attribute in (ACCESS, DEFAULT)

    def of(self, node: Node) -> Wanted:
        """Return what `node` is to have; `TargetError` for an owner nobody knows here."""
        entry = node.entry
        mode = stat.S_IMODE(entry.mode)
        return Wanted(
            self._mode(node, mode) if self._modes else None,
            not mode & 0o222 if self._read_only else None,
            self._owner(node) if self._owners else None,
            entry.mtime_ns - entry.mtime_ns % self.tick if self.tick else None,
            self._attributes(node, mode),
            entry.flags & self.flags,
            self._project(node),
        )

    def _mode(self, node: Node, mode: int) -> int | None:
        if stat.S_ISLNK(node.entry.mode):
            return None
        group = node.acl.group_obj
        if self._lists or group is None:
            return mode
        # The group's bits are the mask of a list that is left out: the group never had more.
        return mode & ~0o070 | (mode & group.permissions << 3)

    def _owner(self, node: Node) -> tuple[int, int]:
        user, group = node.entry.uid, node.entry.gid
        if self._named:
            user = user if node.user is None else self._numbers.user(node.user.name)
            group = group if node.group is None else self._numbers.group(node.group.name)
        return user, group

    def _attributes(self, node: Node, mode: int) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        if self._xattrs and node.xattrs:
            found.update((os.fsdecode(one.name), one.value) for one in node.xattrs)
        if self._lists and (node.acl.group_obj is not None or node.acl.default is not None):
            lists = lists_of(node.acl, mode, self._numbers if self._named else None)
            named = {ACCESS: lists.access, DEFAULT: lists.default}
            found.update({name: value for name, value in named.items() if value is not None})
        if self._label and node.selinux is not None:
            # As the tools of SELinux write it.
            found[LABEL] = node.selinux.label + b"\0"
        if self._capabilities and node.fcaps is not None:
            found[CAPABILITY] = node.fcaps.data
        return found

    def _project(self, node: Node) -> int | None:
        if not self._projects or stat.S_IFMT(node.entry.mode) not in (stat.S_IFREG, stat.S_IFDIR):
            return None
        return 0 if node.project is None else node.project.id
