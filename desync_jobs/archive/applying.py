"""Giving a file on disk what its archive says of it besides its content.

The order matters: another owner takes set-user-ID and capabilities away, an access list changes the
mode, everything changes the time, and nothing can be changed any more once a file is immutable.
"""

import errno
import os
import stat
from typing import Final, TypeAlias

from desync_jobs.archive.attributes import (
    chattr_flags,
    fat_flags,
    project_of,
    set_chattr,
    set_fat,
    set_project,
    set_subvolume_read_only,
    subvolume_flags,
)
from desync_jobs.archive.losses import OWNERS, loss, lost, without
from desync_jobs.archive.removal import unlock_entry
from desync_jobs.archive.straight import SAFE_TIMES, Straight
from desync_jobs.archive.wanted import Demands, Wanted
from desync_jobs.errors import TargetError
from desync_jobs.formats.catar.features import FEATURES
from desync_jobs.formats.flags import FeatureFlags

_F = FeatureFlags

Place: TypeAlias = int | str
"""An open file or directory; of what cannot be opened, the path that leads to it and no further."""

_CHATTR: Final = int(FEATURES["chattr"])
_FAT: Final = int(FEATURES["fat-attrs"])
_READ_ONLY_SUBVOLUME: Final = int(_F.SUBVOLUME_READ_ONLY)
_LAST: Final = int(_F.ATTRIBUTE_APPEND | _F.ATTRIBUTE_IMMUTABLE)
"""Attributes that keep a file from being changed."""
_AS_SOMEBODY: Final = stat.S_ISUID | stat.S_ISGID
_TIMES: Final = without("nsec-time")


class Applier:
    """Gives files of one archive their metadata; used from many threads."""

    def __init__(self, demands: Demands, straight: Straight, *, coarse: bool = False) -> None:
        """Begin; `coarse` where the file system may not hold whole nanoseconds."""
        self._demands = demands
        self._straight = straight
        self._coarse = coarse
        self._chattr = demands.flags & _CHATTR
        self._fat = demands.flags & _FAT
        self._me = os.geteuid(), os.getegid()

    def unlock(self, folder: int, name: bytes) -> None:
        """Let an entry be replaced, where the archive says whether it is immutable; `OSError`."""
        if self._chattr & _LAST:
            unlock_entry(folder, name)

    def begin(self, fd: int, wanted: Wanted, path: bytes) -> None:
        """Set what has to be set before a new file or directory has anything in it."""
        if wanted.flags & self._chattr & ~_LAST:
            with lost(path, "its attributes of chattr", without("chattr")):
                set_chattr(fd, wanted.flags & ~_LAST, self._chattr)

    def apply_new(self, place: Place, wanted: Wanted, path: bytes) -> None:
        """Give all but what `seal` does to what was just made where nothing is inherited."""
        if isinstance(place, int) and self._straight.give(place, wanted):
            return
        if wanted.owner is not None and wanted.owner != self._me:
            _give(place, wanted.owner, path)
        self._give_rest(place, wanted, path)

    def apply(self, place: Place, wanted: Wanted, path: bytes) -> None:
        """Give all but what `seal` does to what may have anything; take away what is not wanted."""
        found = os.stat(place)
        if self._chattr and _has_flags(found):
            with lost(path, "its attributes of chattr", without("chattr")):
                set_chattr(_opened(place), wanted.flags & ~_LAST, self._chattr)
        if wanted.owner is not None and wanted.owner != (found.st_uid, found.st_gid):
            _give(place, wanted.owner, path)
        for name in os.listxattr(place):
            if name not in wanted.attributes and self._demands.replaces(name):
                with lost(path, f"its attribute {name} removed", without(_feature(name))):
                    os.removexattr(place, name)
        if not wanted.project and wanted.project is not None and project_of(_opened(place)):
            _set_project(place, 0, path)
        self._give_rest(place, wanted, path)

    def seal(self, fd: int, wanted: Wanted, path: bytes) -> None:
        """Let nobody change a complete file or directory that nobody is to change.

        It could not even get its name after that.
        """
        if wanted.flags & self._chattr & _LAST:
            with lost(path, "its attributes of chattr", without("chattr")):
                set_chattr(fd, wanted.flags, self._chattr)
        if wanted.flags & _READ_ONLY_SUBVOLUME:
            with lost(path, "a read-only subvolume", without("subvolume-ro")):
                set_subvolume_read_only(fd)

    def is_right(self, place: Place, wanted: Wanted) -> bool:
        """Whether something on disk has what it is to have, and nothing else of that."""
        if isinstance(place, int) and self._straight.is_right(place, wanted):
            return True
        found = os.stat(place)
        mode = stat.S_IMODE(found.st_mode)
        if (
            (wanted.mtime_ns is not None and wanted.mtime_ns != found.st_mtime_ns)
            or (wanted.mode is not None and wanted.mode != mode)
            or (wanted.owner is not None and wanted.owner != (found.st_uid, found.st_gid))
            or (wanted.mode is None and wanted.read_only == bool(mode & 0o222))
        ):
            return False
        replaced = [name for name in os.listxattr(place) if self._demands.replaces(name)]
        if any(name not in wanted.attributes for name in replaced):
            return False
        try:
            if any(os.getxattr(place, name) != value for name, value in wanted.attributes.items()):
                return False
        except OSError:  # there is no such attribute
            return False
        return not _has_flags(found) or self._has_flags(_opened(place), wanted)

    def _has_flags(self, fd: int, wanted: Wanted) -> bool:
        flags = chattr_flags(fd) & self._chattr if self._chattr else 0
        flags |= fat_flags(fd) & self._fat if self._fat else 0
        if wanted.flags & _READ_ONLY_SUBVOLUME:
            flags |= subvolume_flags(fd) & _READ_ONLY_SUBVOLUME
        wanted_flags = wanted.flags & (self._chattr | self._fat | _READ_ONLY_SUBVOLUME)
        project = wanted.project is None or wanted.project == project_of(fd)
        return flags == wanted_flags and project

    def _give_rest(self, place: Place, wanted: Wanted, path: bytes) -> None:
        if wanted.mode is not None:
            self._set_mode(place, wanted.mode, path)
        elif wanted.read_only is not None:
            _set_read_only(place, path, read_only=wanted.read_only)
        for name, value in wanted.attributes.items():
            _set_attribute(place, name, value, path)
        if wanted.project:
            _set_project(place, wanted.project, path)
        if wanted.mtime_ns is not None:
            self._set_time(place, wanted.mtime_ns, path)
        if wanted.flags:
            self._set_flags(_opened(place), wanted.flags, path)

    def _set_mode(self, place: Place, mode: int, path: bytes) -> None:
        try:
            os.chmod(place, mode)
            if mode & _AS_SOMEBODY:
                # Of a group that is not this user's own, the system drops the bit and says nothing.
                kept = stat.S_IMODE(os.stat(place).st_mode)
                if kept != mode:
                    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        except OSError as error:
            way = "same_permissions = false, --no-same-permissions"
            raise loss(path, f"the mode {mode:04o}", way, error) from error

    def _set_time(self, place: Place, mtime_ns: int, path: bytes) -> None:
        try:
            os.utime(place, ns=(mtime_ns, mtime_ns))
        except OSError as error:
            raise loss(path, f"the time {mtime_ns} ns", _TIMES, error) from error
        if (self._coarse or mtime_ns not in SAFE_TIMES) and os.stat(place).st_mtime_ns != mtime_ns:
            # The system takes the nearest time that the file system can hold, and says nothing.
            raise TargetError(
                f"{os.fsdecode(path)}: its file system cannot hold the time of the archive, "
                f"{mtime_ns} ns after 1970; leave times out ({_TIMES}) or round them "
                '(with_features = ["fat"], --with=fat)'
            )

    def _set_flags(self, fd: int, flags: int, path: bytes) -> None:
        if flags & self._fat:
            with lost(path, "its attributes of FAT", without("fat-attrs")):
                set_fat(fd, flags, self._fat)
        if flags & self._chattr:
            with lost(path, "its attributes of chattr", without("chattr")):
                set_chattr(fd, flags & ~_LAST, self._chattr)


def _opened(place: Place) -> int:
    if not isinstance(place, int):
        raise TypeError("only files and directories have these")
    return place


def _has_flags(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)


def _give(place: Place, owner: tuple[int, int], path: bytes) -> None:
    user, group = owner
    try:
        os.chown(place, user, group)
    except OSError as error:
        raise loss(path, f"the owner {user}:{group}", OWNERS, error) from error


def _set_read_only(place: Place, path: bytes, *, read_only: bool) -> None:
    mode = stat.S_IMODE(os.stat(place).st_mode)
    after = mode & ~0o222 if read_only else mode | 0o200
    if after != mode:
        with lost(path, f"the mode {after:04o}", without("read-only")):
            os.chmod(place, after)


def _set_attribute(place: Place, name: str, value: bytes, path: bytes) -> None:
    with lost(path, f"the attribute {name}", without(_feature(name))):
        os.setxattr(place, name, value)


def _feature(attribute: str) -> str:
    """Return the feature that an extended attribute belongs to."""
    if attribute.startswith("system.posix_acl"):
        return "acl"
    return {"security.capability": "fcaps", "security.selinux": "selinux"}.get(attribute, "xattrs")


def _set_project(place: Place, number: int, path: bytes) -> None:
    with lost(path, f"the project {number}", without("quota-projid")):
        set_project(_opened(place), number)
