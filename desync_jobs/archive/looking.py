"""A look at a directory tree: what is in it and when that was written to, as long as it is at rest.

No file is opened and no content read: a file that has another size or time is another one. Nor are
attributes and lists looked at, which take several times as long as everything else. What differs
from one look to the next though nothing was changed is left out: inodes, and the times at which
something was read.
"""

import os
import stat
from collections.abc import Callable
from typing import Final

from desync_jobs.archive.exclude import NOTHING_EXCLUDED, Exclusion
from desync_jobs.archive.filesystem import PSEUDO, file_system
from desync_jobs.archive.folder import Contents, Folder, Listed
from desync_jobs.archive.folding import TreeDigests
from desync_jobs.archive.metadata import Metadata
from desync_jobs.errors import SourceError

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_BELOW: Final = _FOLDER | os.O_NOFOLLOW
_ANY: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class TreeLook:
    """One look at one tree, of which an archive made with `metadata` is told."""

    def __init__(self, root: str, metadata: Metadata, check: Callable[[], None]) -> None:
        """Take the top of the tree; `check` is called again and again, and may raise."""
        self._path = os.fsencode(root)
        """What is looked at now, for messages."""
        self._metadata = metadata
        self._check = check
        self._contents = Contents(metadata.features)
        self._file_systems: dict[int, int] = {}
        self._open: list[Folder] = []
        self.entries = 0
        """Nodes, the top counted."""
        self.size = 0
        """Bytes of content that its files have."""

    def take(self) -> TreeDigests:
        """Look at everything that is archived; once.

        Raises `SourceError` for what cannot be looked at, and what `check` raises.
        """
        try:
            return self._take()
        except FileNotFoundError as error:
            raise SourceError(f"{self._name}: is not there, or was removed meanwhile") from error
        except OSError as error:
            raise SourceError(f"{self._name}: cannot be looked at: {error.strerror}") from error
        except SourceError as error:
            error.about(self._name)
            raise
        finally:
            for directory in self._open:
                os.close(directory.fd)

    @property
    def _name(self) -> str:
        return os.fsdecode(self._path)

    def _take(self) -> TreeDigests:
        top = os.open(self._path, _FOLDER)
        about = self._enter(top, self._path, NOTHING_EXCLUDED)
        digests = TreeDigests(about)
        while self._open:
            directory = self._open[-1]
            entry = directory.take()
            if entry is None:
                os.close(self._open.pop().fd)
                digests.leave()
            else:
                self._child(directory, entry, digests)
        return digests

    def _child(self, top: Folder, entry: Listed, digests: TreeDigests) -> None:
        self._check()
        name, about = entry
        self._path = path = top.path + b"/" + name
        directory = about.is_dir(follow_symlinks=False)
        if self._left_out(top, name, directory=directory):
            return
        if directory:
            fd = os.open(name, _BELOW, dir_fd=top.fd)
            digests.enter(name, self._enter(fd, path, top.exclusion.below(name)))
            return
        # An entry would keep what it is asked for as long as the list of its directory is there.
        found = os.stat(name, dir_fd=top.fd, follow_symlinks=False)
        if stat.S_ISREG(found.st_mode) or self._metadata.takes(found.st_mode, name):
            digests.add(name, self._about(found, top.fd, name))

    def _left_out(self, top: Folder, name: bytes, *, directory: bool) -> bool:
        if self._contents.leave_out(top, name, directory=directory):
            return True
        return self._contents.excludes_nodump and self._contents.attributes.undumped(top.fd, name)

    def _enter(self, fd: int, path: bytes, exclusion: Exclusion) -> bytes:
        """Take over the descriptor of a directory, and return what is told of it."""
        directory = Folder(fd, path)
        self._open.append(directory)
        found = os.fstat(fd)
        about = self._about(found, fd, None)
        if self._file_systems[found.st_dev] in PSEUDO:
            # The kernel makes it up; archives have nothing that is in it.
            return about
        self._contents.list(directory, exclusion)
        return about

    def _about(self, found: os.stat_result, folder: int, name: bytes | None) -> bytes:
        """Return what there is of a file in an open directory, or of that itself."""
        self.entries += 1
        mode, size, time = found.st_mode, 0, found.st_mtime_ns
        target = b""
        if self._file_system(found.st_dev, folder, name) in PSEUDO:
            time = 0
        elif stat.S_ISREG(mode):
            size = found.st_size
            self.size += size
        if name is not None and stat.S_ISLNK(mode):
            target = os.readlink(name, dir_fd=folder)
        owner = found.st_uid, found.st_gid
        device = found.st_rdev if stat.S_ISBLK(mode) or stat.S_ISCHR(mode) else 0
        return b"%o %d %d %d %d %d %b" % (mode, *owner, time, size, device, target)

    def _file_system(self, device: int, folder: int, name: bytes | None) -> int:
        """Return the kind of file system a file is on; of each one it is asked once."""
        kind = self._file_systems.get(device)
        if kind is None:
            fd = folder if name is None else os.open(name, _ANY, dir_fd=folder)
            try:
                kind = self._file_systems[device] = file_system(fd)
            finally:
                if name is not None:
                    os.close(fd)
        return kind
