"""Everything an archive keeps of one file besides its content: a file → its node."""

import os
import stat
from typing import Final, NamedTuple, Protocol

from desync_jobs.archive.acl import ACCESS, DEFAULT, Lists, acl_of
from desync_jobs.archive.attributes import chattr_flags, fat_flags, subvolume_flags
from desync_jobs.archive.filesystem import BTRFS, FAT
from desync_jobs.archive.names import NamesOf
from desync_jobs.archive.unkept import Unkept
from desync_jobs.errors import SourceError
from desync_jobs.formats.catar.features import ENTRY_FLAGS, FEATURES
from desync_jobs.formats.catar.node import NO_ACL, Body, Node
from desync_jobs.formats.catar.records import (
    Entry,
    Fcaps,
    Group,
    QuotaProject,
    Selinux,
    User,
    Xattr,
)
from desync_jobs.formats.flags import FeatureFlags

_F = FeatureFlags

CAPABILITY: Final = "security.capability"
SELINUX: Final = "security.selinux"

_KEPT_XATTRS: Final = ("user.", "trusted.")
_SUBVOLUME_INODE: Final = 256
_ATTRIBUTES: Final = FEATURES["chattr"] | _F.EXCLUDE_NODUMP
_SUBVOLUMES: Final = _F.SUBVOLUME | _F.SUBVOLUME_READ_ONLY
_IDS: Final = _F.USER_IDS_16BIT | _F.USER_IDS_32BIT
_INVALID_IDS: Final = {0xFFFF, 0xFFFFFFFF}
_LARGEST_ID: Final = 0xFFFFFFFE
_FROM_LIST: Final = _F.XATTRS | _F.ACL | _F.SELINUX | _F.FILE_CAPABILITIES
_LARGEST_SHORT_ID: Final = 0xFFFE
_NUMBERS: Final = 1 << 64
_LATEST: Final = (1 << 63) - 1
_NEEDS: Final = {
    stat.S_IFREG: _F(-1),
    stat.S_IFDIR: _F(-1),
    stat.S_IFLNK: _F.SYMLINKS,
    stat.S_IFBLK: _F.DEVICE_NODES,
    stat.S_IFCHR: _F.DEVICE_NODES,
    stat.S_IFIFO: _F.FIFOS,
    stat.S_IFSOCK: _F.SOCKETS,
}
_TICKS: Final = (
    (_F.TIME_NANOSECONDS, 1),
    (_F.TIME_MICROSECONDS, 1_000),
    (_F.TIME_SECONDS, 1_000_000_000),
    (_F.TIME_TWO_SECONDS, 2_000_000_000),
)


class Described(Protocol):
    """A file, wherever it is."""

    @property
    def name(self) -> bytes:
        """In its directory; empty for the root."""
        ...

    @property
    def mode(self) -> int:
        """`st_mode`."""
        ...

    @property
    def owner(self) -> tuple[int, int]:
        """Numbers of its user and group."""
        ...

    @property
    def mtime_ns(self) -> int:
        """When it was changed, in nanoseconds since 1970."""
        ...

    @property
    def flags(self) -> int:
        """Its attributes, as bits of an archive."""
        ...

    def attributes(self) -> list[str]:
        """Name its extended attributes."""
        ...

    def attribute(self, name: str) -> bytes:
        """Return the value of one of them."""
        ...

    def project(self) -> int:
        """Return the project that it belongs to; 0 where to none."""
        ...

    def body(self) -> Body:
        """Return what it is beyond its metadata."""
        ...


class Plain(NamedTuple):
    """How files are looked at that have nothing special about them."""

    tick: int
    """Nanoseconds that times are multiples of; 0 where there are none."""
    lists: bool
    """Whether they are asked for extended attributes."""
    projects: bool
    """Whether they are asked for their project."""


class Metadata:
    """Reads what an archive with certain features keeps."""

    def __init__(self, features: FeatureFlags, recorded: int | None = None) -> None:
        self.features = features
        self.recorded = int(features) if recorded is None else recorded
        """What the archive says of its features."""
        self.unkept = Unkept()
        """What was seen and has no place in an archive."""
        self._kinds = {kind for kind, feature in _NEEDS.items() if features & feature}
        self.wants_lists = bool(features & _F.ACL)
        """Whether access lists are asked for."""
        self.wants_flags = bool(features & FEATURES["chattr"])
        """Whether the attributes of `chattr` are kept."""
        self._attributes = bool(features & _ATTRIBUTES)
        self._subvolumes = bool(features & _SUBVOLUMES)
        self._flags = int(features & ENTRY_FLAGS)
        self._tick = next((tick for unit, tick in _TICKS if features & unit), 0)
        # Flags are classes of their own, and asking them takes longer than a system call.
        self._ids = bool(features & _IDS)
        self._largest_id = _LARGEST_SHORT_ID if features & _F.USER_IDS_16BIT else _LARGEST_ID
        self._modes = bool(features & (_F.PERMISSIONS | _F.ACL))
        self._read_only = bool(features & _F.READ_ONLY)
        self._keeps_names = bool(features & _F.USER_NAMES)
        self._keeps_xattrs = bool(features & _F.XATTRS)
        self._keeps_label = bool(features & _F.SELINUX)
        self._keeps_capabilities = bool(features & _F.FILE_CAPABILITIES)
        self._keeps_projects = bool(features & _F.QUOTA_PROJECT_ID)
        self._listed = bool(features & _FROM_LIST)
        self.reads_flags = self._attributes
        """Whether any attribute of `chattr` is asked for."""

    @property
    def plain(self) -> "Plain | None":
        """Return what it keeps of files that have nothing special; None where that is not enough.

        That is their mode, the numbers of their owners, and their time.
        """
        if not (self._ids and self._modes and self.takes(stat.S_IFLNK, b"")):
            return None
        return Plain(self._tick, self._listed, self._keeps_projects)

    def read_flags(self, fd: int, found: os.stat_result, file_system: int) -> int:
        """Return every attribute of an open file or directory, as bits of an archive."""
        flags = chattr_flags(fd) if self._attributes else 0
        if file_system == FAT:
            flags |= fat_flags(fd)
        if (
            file_system == BTRFS
            and self._subvolumes
            and found.st_ino == _SUBVOLUME_INODE
            and stat.S_ISDIR(found.st_mode)
        ):
            flags |= subvolume_flags(fd)
        return flags

    def node(self, found: Described, names: NamesOf) -> Node:
        """Return the node of a file, whose owners have these names.

        Raises `OSError` where it cannot be read, and `SourceError` for what no archive can have.
        """
        user, group = self._owner(found.owner, names) if self._keeps_names else (None, None)
        xattrs: list[Xattr] = []
        acl, selinux, fcaps = NO_ACL, None, None
        attributes = found.attributes() if self._listed else []
        if attributes:
            xattrs = self._xattrs(found, attributes)
            lists = self._access_lists(found, attributes)
            acl = acl_of(lists, names if self._keeps_names else None)
            if SELINUX in attributes and self._keeps_label:
                label = found.attribute(SELINUX)
                selinux = Selinux(label.rstrip(b"\0"))
            if CAPABILITY in attributes and self._capable(found):
                fcaps = Fcaps(found.attribute(CAPABILITY))
        return Node(
            found.name,
            self.entry(found),
            user,
            group,
            tuple(xattrs),
            acl,
            selinux,
            fcaps,
            self._project(found),
            found.body(),
        )

    def takes(self, mode: int, name: bytes) -> bool:  # noqa: ARG002 - for who tells of it
        """Whether an archive of these features has files of this kind."""
        return stat.S_IFMT(mode) in self._kinds

    def entry(self, found: Described) -> Entry:
        """Return the entry of a file: mode, owners and time as this archive has them."""
        user, group = found.owner if self._ids else (0, 0)
        self._check_ids(user, group)
        return Entry(
            self.recorded,
            self._mode(found.mode),
            found.flags & self._flags,
            user,
            group,
            self._time(found.mtime_ns),
        )

    def _check_ids(self, *ids: int) -> None:
        for number in ids:
            if number in _INVALID_IDS or not 0 <= number <= _LARGEST_ID:
                raise SourceError(f"no archive can have an owner with the number {number}")
            if number > self._largest_id:
                raise SourceError(f"its owner {number} is more than 16 bits; keep 32bit-uids")

    def _mode(self, mode: int) -> int:
        kind = stat.S_IFMT(mode)
        if stat.S_ISLNK(mode):
            return kind | 0o777
        if self._modes:
            return kind | stat.S_IMODE(mode)
        executable = 0o111 if stat.S_ISDIR(mode) else 0
        writable = mode & 0o222 or not self._read_only
        return kind | executable | (0o666 if writable else 0o444)

    def _time(self, nanoseconds: int) -> int:
        if not self._tick:
            return 0
        # casync counts times before 1970 from the other end, also when it rounds.
        count = nanoseconds % _NUMBERS
        rounded = count - count % self._tick
        if rounded == _NUMBERS - 1:
            raise SourceError("no archive can have its time, a nanosecond before 1970; touch it")
        if not -_LATEST <= nanoseconds <= _LATEST:
            raise SourceError(f"no archive can have its time, {nanoseconds} ns from 1970")
        return rounded if nanoseconds >= 0 else rounded - _NUMBERS

    def _owner(self, ids: tuple[int, int], names: NamesOf) -> tuple[User | None, Group | None]:
        user = self._named(names.user(ids[0]), ids[0])
        group = self._named(names.group(ids[1]), ids[1])
        return (
            None if user is None else User(user),
            None if group is None else Group(group),
        )

    def _named(self, name: bytes | None, number: int) -> bytes | None:
        if name is None and number and not self._ids:
            raise SourceError(f"its owner {number} has no name to be kept; keep 32bit-uids")
        return name

    def _xattrs(self, found: Described, names: list[str]) -> list[Xattr]:
        """Return those that an archive keeps, and tell the others."""
        if not self._keeps_xattrs:
            return []
        kept = []
        plain = stat.S_ISREG(found.mode) or stat.S_ISDIR(found.mode)
        for name in names:
            if plain and name.startswith(_KEPT_XATTRS):
                kept.append(Xattr(os.fsencode(name), found.attribute(name)))
            elif name not in self._elsewhere(found):
                self.unkept.add(f"the attribute {name} of", found.name)
        return sorted(kept, key=lambda one: one.name)

    def _elsewhere(self, found: Described) -> set[str]:
        """Name the attributes that have records of their own, or were not asked for."""
        named = {ACCESS, DEFAULT, SELINUX}
        if self._capable(found) or not self._keeps_capabilities:
            named.add(CAPABILITY)
        return named

    def _capable(self, found: Described) -> bool:
        return self._keeps_capabilities and stat.S_ISREG(found.mode)

    def _access_lists(self, found: Described, names: list[str]) -> Lists:
        if not self.wants_lists or stat.S_ISLNK(found.mode):
            return Lists()
        values = [found.attribute(name) if name in names else None for name in (ACCESS, DEFAULT)]
        return Lists(*values)

    def _project(self, found: Described) -> QuotaProject | None:
        number = found.project() if self._keeps_projects else 0
        return QuotaProject(number) if number else None
