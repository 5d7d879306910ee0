"""A file on disk, as its archive is going to tell of it."""

import os
import stat
from typing import NamedTuple

from desync_jobs.archive.attributes import project_of
from desync_jobs.archive.filesystem import PSEUDO, WITH_PROJECTS
from desync_jobs.formats.catar.node import Body
from desync_jobs.formats.catar.records import Device, Payload, Symlink


class Found(NamedTuple):
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

    @property
    def mode(self) -> int:
        """`st_mode`."""
        return self.stat.st_mode

    @property
    def owner(self) -> tuple[int, int]:
        """Numbers of its user and group."""
        return self.stat.st_uid, self.stat.st_gid

    @property
    def mtime_ns(self) -> int:
        """When it was changed, in nanoseconds since 1970."""
        return self.stat.st_mtime_ns

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

    def project(self) -> int:
        """Return the project that it belongs to; 0 where to none."""
        if self.fd is None or self.file_system not in WITH_PROJECTS:
            return 0
        return project_of(self.fd)

    def body(self) -> Body:
        """Return what it is beyond its metadata; of a regular file, the size it has now."""
        mode = self.mode
        if stat.S_ISREG(mode):
            return Payload(0 if self.file_system in PSEUDO else self.stat.st_size)
        if stat.S_ISLNK(mode):
            return Symlink(os.readlink(self.name, dir_fd=self.folder))
        if stat.S_ISBLK(mode) or stat.S_ISCHR(mode):
            return Device(os.major(self.stat.st_rdev), os.minor(self.stat.st_rdev))
        return None

    def _path(self) -> str:
        return f"/proc/self/fd/{self.folder}/{os.fsdecode(self.name)}"
