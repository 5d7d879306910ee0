"""An archive as the directory tree that it is of."""

import errno
import os
import stat
from collections.abc import Mapping
from itertools import count
from threading import Lock
from typing import Any, Final

from desync_jobs.archive.lazy.recent import Recent
from desync_jobs.archive.lazy.table import Span
from desync_jobs.archive.lazy.tree import ArchiveTree, Child, Located
from desync_jobs.archive.wanted import Choice, Demands
from desync_jobs.assembly.random_access import RandomAccess
from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.node import NodeKind
from desync_jobs.formats.catar.records import Device, Symlink
from desync_jobs.mount.seeking import blocks, seek

_ROOT: Final = "/"
_BLOCK: Final = 4096
_SECTOR: Final = 512
_HOLES: Final = 64 << 10
"""Bytes of a file that may have a hole: shorter runs of zeros are not known as such."""
_NODES: Final = 16 << 20
"""Bytes of nodes that are kept."""
_NODE: Final = 1024
"""Bytes of a node in memory, about, besides those of its metadata in the archive."""
_CHILDREN: Final = 100_000
"""Entries of listed directories that are kept."""


class TreeContent:
    """The tree of `tree`, whose bytes are in `blob`: a content for `Session`.

    Owners are the numbers of the archive. A directory has one link, which says, as it does on
    btrfs, that nobody counted its subdirectories. Inodes are places in the archive, so they are the
    same each time it is mounted. Access lists, capabilities and labels are shown as the attributes
    that they are on disk.
    """

    use_ns: Final = True

    def __init__(self, tree: ArchiveTree, blob: RandomAccess) -> None:
        self._tree = tree
        self._blob = blob
        # Names of owners are for who unpacks the archive; here nobody is given anything.
        without = Choice(without_features=("user-names",))
        self._demands = Demands(without.of(tree.features))
        self._nodes: Recent[str, Located] = Recent(_NODES)
        self._listed: Recent[int, Mapping[bytes, Child]] = Recent(_CHILDREN)
        self._lock = Lock()
        self._handles = count(1)
        self._open: dict[int, Span] = {}

    def getattr(self, path: str, _handle: int | None = None) -> Mapping[str, int]:
        """Return what stat(2) says."""
        return self._attributes(self._found(path))

    def readlink(self, path: str) -> str:
        """Return where a symbolic link points."""
        body = self._found(path).node.body
        if not isinstance(body, Symlink):
            raise _error(errno.EINVAL)
        return _text(body.target)

    def readdir(self, path: str, _handle: int) -> list[Any]:
        """Return the names in a directory, with what is known of each."""
        children = self._children(self._directory(path))
        entries = [
            (_text(child.name), {"st_mode": child.mode, "st_ino": _inode(child.span)}, 0)
            for child in children.values()
        ]
        return [".", "..", *entries]

    def open(self, path: str, flags: int) -> int:
        """Return a handle of a file; nobody writes."""
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise _error(errno.EROFS)
        content = self._file(path)
        with self._lock:
            handle = next(self._handles)
            self._open[handle] = content
        return handle

    def read(self, _path: str, size: int, offset: int, handle: int) -> BytesLike:
        """Return bytes of a file."""
        content = self._open[handle]
        wanted = max(min(size, content.size - offset), 0)
        data = self._blob.read(content.start + offset, wanted)
        if len(data) != wanted:
            raise ArchiveFormatError("the archive has become shorter since it was mounted")
        return data

    def release(self, _path: str, handle: int) -> int:
        """Forget a handle."""
        with self._lock:
            self._open.pop(handle, None)
        return 0

    def lseek(self, path: str, offset: int, whence: int) -> int:
        """Return where the next hole (`SEEK_HOLE`) or the next data is."""
        content = self._file(path)
        return seek(self._blob, content.start, content.size, offset, whence)

    def listxattr(self, path: str) -> list[str]:
        """Return the names of extended attributes."""
        return [*self._extended(path)]

    def getxattr(self, path: str, name: str, _position: int = 0) -> bytes:
        """Return the value of an extended attribute."""
        value = self._extended(path).get(name)
        if value is None:
            raise _error(errno.ENODATA)
        return value

    def statfs(self, _path: str) -> Mapping[str, int]:
        """Return the size of the file system: full; how many files it has nobody counted."""
        return {
            "f_bsize": _BLOCK,
            "f_frsize": _BLOCK,
            "f_blocks": -(-self._blob.size // _BLOCK),
            "f_namemax": 255,
        }

    def _extended(self, path: str) -> Mapping[str, bytes]:
        return self._demands.of(self._found(path).node).attributes

    def _file(self, path: str) -> Span:
        found = self._found(path)
        if found.node.kind is not NodeKind.FILE:
            raise _error(errno.EISDIR if found.node.kind is NodeKind.DIRECTORY else errno.ENXIO)
        return found.content

    def _directory(self, path: str) -> Located:
        found = self._found(path)
        if found.node.kind is not NodeKind.DIRECTORY:
            raise _error(errno.ENOTDIR)
        return found

    def _found(self, path: str) -> Located:
        """Return the node at `path`; the nearest directory that is known is where it is sought."""
        if path == _ROOT:
            return self._tree.root
        names: list[str] = []
        above, known = path, self._nodes.get(path)
        while known is None:
            above, _, name = above.rpartition("/")
            names.append(name)
            known = self._nodes.get(above) if above else self._tree.root
        for name in reversed(names):
            above = f"{above}/{name}"
            known = self._below(known, _bytes(name))
            self._nodes.keep(above, known, known.body - known.span.start + _NODE)
        return known

    def _below(self, directory: Located, name: bytes) -> Located:
        if directory.node.kind is not NodeKind.DIRECTORY:
            raise _error(errno.ENOTDIR)
        listed = self._listed.get(directory.span.start)
        if listed is None:
            found = self._tree.child(directory, name)
        else:
            child = listed.get(name)
            found = None if child is None else self._tree.opened(child)
        if found is None:
            raise _error(errno.ENOENT)
        return found

    def _children(self, directory: Located) -> Mapping[bytes, Child]:
        known = self._listed.get(directory.span.start)
        if known is None:
            # Of two with one name the last is what would be unpacked.
            known = {child.name: child for child in self._tree.children(directory)}
            self._listed.keep(directory.span.start, known, len(known))
        return known

    def _attributes(self, found: Located) -> Mapping[str, int]:
        node, entry = found.node, found.node.entry
        attributes = {
            "st_mode": entry.mode,
            "st_nlink": 1,
            "st_ino": _inode(found.span),
            "st_uid": entry.uid,
            "st_gid": entry.gid,
            "st_atime": entry.mtime_ns,
            "st_mtime": entry.mtime_ns,
            "st_ctime": entry.mtime_ns,
        }
        if isinstance(node.body, Symlink):
            attributes["st_size"] = len(node.body.target)
        elif isinstance(node.body, Device):
            attributes["st_rdev"] = os.makedev(node.body.major, node.body.minor)
        elif stat.S_ISREG(entry.mode):
            size = found.content.size
            attributes["st_size"] = size
            holes = size >= _HOLES
            attributes["st_blocks"] = (
                blocks(self._blob, found.body, size) if holes else -(-size // _SECTOR)
            )
        return attributes


def _inode(span: Span) -> int:
    """Return a number that is never 0; the root's is 1."""
    return span.start + 1


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _bytes(text: str) -> bytes:
    # As mfusepy makes text of names, whatever the locale.
    return text.encode("utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
