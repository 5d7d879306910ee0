"""Everything an archive keeps of one file besides its content: an open file → its node."""

import os
import stat
from dataclasses import dataclass
from typing import Final

from desync_jobs.archive.acl import ACCESS, DEFAULT, Lists, acl_of
from desync_jobs.archive.attributes import chattr_flags, fat_flags, project_of, subvolume_flags
from desync_jobs.archive.filesystem import BTRFS, FAT, PSEUDO, WITH_PROJECTS
from desync_jobs.archive.names import Names
from desync_jobs.archive.unkept import Unkept
from desync_jobs.errors import SourceError
from desync_jobs.formats.catar.features import ENTRY_FLAGS, FEATURES
from desync_jobs.formats.catar.node import NO_ACL, Body, Node
from desync_jobs.formats.catar.records import (
    Device,
    Entry,
    Fcaps,
    Group,
    Payload,
    QuotaProject,
    Selinux,
    Symlink,
    User,
    Xattr,
)
from desync_jobs.formats.flags import FeatureFlags

_F = FeatureFlags

_CAPABILITY: Final = "security.capability"
_SELINUX: Final = "security.selinux"
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
_TICKS: Final = (
    (_F.TIME_NANOSECONDS, 1),
    (_F.TIME_MICROSECONDS, 1_000),
    (_F.TIME_SECONDS, 1_000_000_000),
    (_F.TIME_TWO_SECONDS, 2_000_000_000),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file that was opened, or reached in its directory where it cannot be opened."""

    name: bytes
    """In its directory; empty for the root."""
    folder: int
    """The open directory that it is in; of the root, the root itself."""
    fd: int | None
    """Open for reading; None for what is neither a file nor a directory."""
    stat: os.stat_result
    file_system: int
    """The kind of file system it is on."""
    flags: int = 0
    """Its attributes, as `read_flags` tells them."""

    def attributes(self) -> list[str]:
        """Name its extended attributes."""
        if self.fd is not None:
            return os.listxattr(self.fd)
        return os.listxattr(self._path(), follow_symlinks=False)

    def attribute(self, name: str) -> bytes:
        """Return the value of one of them."""
        if self.fd is not None:
            return os.getxattr(self.fd, name)
        return os.getxattr(self._path(), name, follow_symlinks=False)

    def _path(self) -> str:
        return f"/proc/self/fd/{self.folder}/{os.fsdecode(self.name)}"


class Metadata:
    """Reads what an archive with certain features keeps."""

    def __init__(self, features: FeatureFlags) -> None:
        self.features = features
        self.unkept = Unkept()
        """What was seen and has no place in an archive."""
        self._names = Names() if features & _F.USER_NAMES else None
        self._recorded = int(features)
        self._attributes = bool(features & _ATTRIBUTES)
        self._subvolumes = bool(features & _SUBVOLUMES)
        self._flags = int(features & ENTRY_FLAGS)
        self._tick = next((tick for unit, tick in _TICKS if features & unit), 0)
        # Flags are classes of their own, and asking them takes longer than a system call.
        self._ids = bool(features & _IDS)
        self._largest_id = _LARGEST_SHORT_ID if features & _F.USER_IDS_16BIT else _LARGEST_ID
        self._modes = bool(features & (_F.PERMISSIONS | _F.ACL))
        self._read_only = bool(features & _F.READ_ONLY)
        self._keeps_xattrs = bool(features & _F.XATTRS)
        self._keeps_lists = bool(features & _F.ACL)
        self._keeps_label = bool(features & _F.SELINUX)
        self._keeps_capabilities = bool(features & _F.FILE_CAPABILITIES)
        self._keeps_projects = bool(features & _F.QUOTA_PROJECT_ID)
        self._listed = bool(features & _FROM_LIST)

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

    def node(self, found: Found) -> Node:
        """Return the node of a file; of a regular one, with the size it has now.

        Raises `OSError` where it cannot be read, and `SourceError` for what no archive can have.
        """
        about = found.stat
        user, group = self._owner(about)
        xattrs: list[Xattr] = []
        acl, selinux, fcaps = NO_ACL, None, None
        attributes = found.attributes() if self._listed else []
        if attributes:
            xattrs = self._xattrs(found, attributes)
            acl = acl_of(self._access_lists(found, attributes), self._names)
            if _SELINUX in attributes and self._keeps_label:
                label = found.attribute(_SELINUX)
                selinux = Selinux(label.rstrip(b"\0"))
            if _CAPABILITY in attributes and self._capable(found):
                fcaps = Fcaps(found.attribute(_CAPABILITY))
        return Node(
            found.name,
            self._entry(found),
            user,
            group,
            tuple(xattrs),
            acl,
            selinux,
            fcaps,
            self._project(found),
            _body(found),
        )

    def _entry(self, found: Found) -> Entry:
        about = found.stat
        kept = self._ids
        if kept:
            self._check_ids(about.st_uid, about.st_gid)
        return Entry(
            self._recorded,
            self._mode(about.st_mode),
            found.flags & self._flags,
            about.st_uid if kept else 0,
            about.st_gid if kept else 0,
            self._time(about.st_mtime_ns),
        )

    def _check_ids(self, *ids: int) -> None:
        for number in ids:
            if number in _INVALID_IDS:
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
        return rounded if nanoseconds >= 0 else rounded - _NUMBERS

    def _owner(self, about: os.stat_result) -> tuple[User | None, Group | None]:
        if self._names is None:
            return None, None
        user = self._named(self._names.user(about.st_uid), about.st_uid)
        group = self._named(self._names.group(about.st_gid), about.st_gid)
        return (
            None if user is None else User(user),
            None if group is None else Group(group),
        )

    def _named(self, name: bytes | None, number: int) -> bytes | None:
        if name is None and number and not self._ids:
            raise SourceError(f"its owner {number} has no name to be kept; keep 32bit-uids")
        return name

    def _xattrs(self, found: Found, names: list[str]) -> list[Xattr]:
        """Return those that an archive keeps, and tell the others."""
        if not self._keeps_xattrs:
            return []
        kept = []
        for name in names:
            if found.fd is not None and name.startswith(_KEPT_XATTRS):
                kept.append(Xattr(os.fsencode(name), found.attribute(name)))
            elif name not in self._elsewhere(found):
                self.unkept.add(name, found.name)
        return sorted(kept, key=lambda one: one.name)

    def _elsewhere(self, found: Found) -> set[str]:
        """Name the attributes that have records of their own, or were not asked for."""
        named = {ACCESS, DEFAULT, _SELINUX}
        if self._capable(found) or not self._keeps_capabilities:
            named.add(_CAPABILITY)
        return named

    def _capable(self, found: Found) -> bool:
        return self._keeps_capabilities and stat.S_ISREG(found.stat.st_mode)

    def _access_lists(self, found: Found, names: list[str]) -> Lists:
        if not self._keeps_lists or stat.S_ISLNK(found.stat.st_mode):
            return Lists()
        values = [found.attribute(name) if name in names else None for name in (ACCESS, DEFAULT)]
        return Lists(*values)

    def _project(self, found: Found) -> QuotaProject | None:
        if not self._keeps_projects or found.fd is None or found.file_system not in WITH_PROJECTS:
            return None
        number = project_of(found.fd)
        return QuotaProject(number) if number else None


def _body(found: Found) -> Body:
    mode = found.stat.st_mode
    if stat.S_ISREG(mode):
        return Payload(0 if found.file_system in PSEUDO else found.stat.st_size)
    if stat.S_ISLNK(mode):
        return Symlink(os.readlink(found.name, dir_fd=found.folder))
    if stat.S_ISBLK(mode) or stat.S_ISCHR(mode):
        return Device(os.major(found.stat.st_rdev), os.minor(found.stat.st_rdev))
    return None
