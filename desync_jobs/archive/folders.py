"""A directory that an archive is unpacked into, as long as something of it is under way."""

import errno
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from desync_jobs.archive.acl import DEFAULT
from desync_jobs.archive.attributes import chattr_flags, make_subvolume, project_of
from desync_jobs.archive.losses import lost, without
from desync_jobs.archive.removal import open_directory
from desync_jobs.archive.wanted import Wanted
from desync_jobs.formats.flags import FeatureFlags

_LEFTOVER: Final = re.compile(rb"\.desync-run\.\d+\.tmp")
_SUBVOLUME: Final = int(FeatureFlags.SUBVOLUME)


@dataclass(slots=True, eq=False)
class Folder:
    """An open directory."""

    fd: int
    path: bytes
    """For messages."""
    wanted: Wanted
    """What it is to have at the end."""
    there: set[bytes] | None
    """What was in it when it was opened; None where it is new."""
    plain: bool
    """Whether what is made in it inherits nothing: no list, attribute, project or group."""
    seen: set[bytes] = field(default_factory=set)
    """What the archive has in it so far."""
    last: bytes = b""
    """Of these names the one that sorts last."""
    mode: int | None = None
    """The mode it had before we had to be let in; None where we had not."""
    locked: int = 0
    """Attributes of `chattr` that kept it from being changed until then."""
    pending: int = 1
    """Entries that are not written yet, and one for the directory as long as it is open."""

    def announce(self, name: bytes) -> bool:
        """Note a name that the archive has in it; returns whether it had it before."""
        again = name in self.seen
        self.note((name,))
        return again

    def note(self, names: Sequence[bytes]) -> None:
        """Note names that the archive has in it, of which the last one sorts last."""
        if names:
            self.seen.update(names)
            self.last = max(self.last, names[-1])

    @property
    def is_new(self) -> bool:
        """Whether it was made for this archive."""
        return self.there is None


def temporary_name(number: int) -> bytes:
    """Return a name for what is not complete; what a killed run left is known by it."""
    return b".desync-run.%d.tmp" % number


def existing_folder(fd: int, path: bytes, wanted: Wanted) -> Folder:
    """Return the folder of an open directory; removes what a killed run left in it."""
    there = {os.fsencode(name) for name in os.listdir(fd)}
    for name in [one for one in there if _LEFTOVER.fullmatch(one)]:
        os.unlink(name, dir_fd=fd)
        there.discard(name)
    return Folder(fd, path, wanted, there, is_plain(fd))


def new_folder(parent: int, name: bytes, path: bytes, wanted: Wanted, *, plain: bool) -> Folder:
    """Make a directory, or a subvolume where the archive had one; `plain` as its parent is."""
    if wanted.flags & _SUBVOLUME:
        with lost(path, "a subvolume in its place", without("subvolume")):
            make_subvolume(parent, name)
    else:
        os.mkdir(name, 0o777 if wanted.mode is None else 0o700, dir_fd=parent)
    return Folder(open_directory(parent, name), path, wanted, None, plain)


def is_plain(fd: int) -> bool:
    """Whether what is made in an open directory inherits nothing from it."""
    if os.fstat(fd).st_mode & stat.S_ISGID or chattr_flags(fd) or project_of(fd):
        return False
    try:
        os.getxattr(fd, DEFAULT)
    except OSError as error:
        return error.errno in (errno.ENODATA, errno.EOPNOTSUPP)
    return False
