"""What is at an entry's place already: kept where it is right, refused or removed where not."""

import os
import stat
from typing import Final

from desync_jobs.archive.applying import Applier, Place
from desync_jobs.archive.content import same_content
from desync_jobs.archive.entries import handle
from desync_jobs.archive.folders import Folder
from desync_jobs.archive.removal import remove
from desync_jobs.archive.straight import Found
from desync_jobs.archive.wanted import Wanted
from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import TargetError
from desync_jobs.formats.catar.node import Node
from desync_jobs.formats.catar.records import Device, Symlink

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Standing:
    """Holds what is on disk against an archive; used from many threads."""

    def __init__(self, applier: Applier, *, replace: bool, links: bool) -> None:
        self._applier = applier
        self._links = links
        self._replace = replace

    def clear(self, folder: Folder, node: Node, path: bytes) -> tuple[bool, int]:
        """Make way for a node; returns whether there is still something, and what was removed.

        A directory is removed for what is no directory, or the other way round, only if that was
        asked for; `TargetError` otherwise.
        """
        try:
            found = os.stat(node.name, dir_fd=folder.fd, follow_symlinks=False)
        except FileNotFoundError:
            return False, 0
        was, will = stat.S_ISDIR(found.st_mode), stat.S_ISDIR(node.entry.mode)
        if was == will:
            return True, 0
        if not self._replace:
            words = ("is a directory and", "no") if was else ("is no directory and", "a")
            raise TargetError(
                f"{os.fsdecode(path)} {words[0]} the archive has {words[1]} directory there; move "
                "it away, or have it removed (replace = true, --replace)"
            )
        return False, remove(folder.fd, node.name, path)

    def file(self, folder: Folder, node: Node, wanted: Wanted, data: BytesLike) -> Found:
        """Hold a regular file against what it is to be."""
        fd = self.open_file(folder, node, wanted, len(data))
        if fd is None:
            return Found.OTHER
        try:
            if not same_content(fd, 0, data):
                return Found.OTHER
            return self.metadata(fd, wanted, folder.path + b"/" + node.name)
        finally:
            os.close(fd)

    def open_file(self, folder: Folder, node: Node, wanted: Wanted, size: int) -> int | None:
        """Open a regular file whose content may be right; None where there is none.

        A file with other names is not changed, as they may be outside of the target; it is kept
        where files may be those of seeds as well and nothing is to be changed.
        """
        try:
            # Opening a device can have it do something.
            there = os.stat(node.name, dir_fd=folder.fd, follow_symlinks=False)
            if not stat.S_ISREG(there.st_mode) or there.st_size != size:
                return None
            fd = os.open(node.name, _READ, dir_fd=folder.fd)
        except OSError:
            return None  # gone, or not to be read: it is replaced
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode) and found.st_size == size:
            alone = found.st_nlink == 1
            if alone or (self._links and self._applier.is_right(fd, wanted)):
                return fd
        os.close(fd)
        return None

    def special(self, folder: Folder, node: Node, wanted: Wanted) -> Found:
        """Hold what is neither a file nor a directory against what it is to be."""
        with handle(folder.fd, node.name) as place:
            found = os.stat(place)
            if not _is_same(folder, found, node) or found.st_nlink != 1:
                return Found.OTHER
            return self.metadata(place, wanted, folder.path + b"/" + node.name)

    def metadata(self, place: Place, wanted: Wanted, path: bytes) -> Found:
        """Give something its metadata where they are not right."""
        if self._applier.is_right(place, wanted):
            return Found.RIGHT
        self._applier.apply(place, wanted, path)
        if isinstance(place, int) and wanted.flags:
            self._applier.seal(place, wanted, path)
        return Found.CHANGED


def _is_same(folder: Folder, found: os.stat_result, node: Node) -> bool:
    if stat.S_IFMT(found.st_mode) != stat.S_IFMT(node.entry.mode):
        return False
    match node.body:
        case Symlink(target):
            return os.readlink(node.name, dir_fd=folder.fd) == target
        case Device(major, minor):
            return found.st_rdev == os.makedev(major, minor)
        case _:
            return True
