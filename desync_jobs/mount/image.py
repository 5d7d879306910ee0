"""One blob as the one file of a directory."""

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from desync_jobs.assembly.random_access import RandomAccess
from desync_jobs.mount.seeking import blocks, seek

_BLOCK: Final = 4096
_ROOT: Final = "/"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose the file is, and since when."""

    uid: int
    gid: int
    mtime_ns: int


class ImageContent:
    """A directory with the read-only file `name`, whose bytes are those of `blob`.

    The operations of mfusepy, as far as there is anything to do.
    """

    use_ns: Final = True

    def __init__(self, name: str, blob: RandomAccess, owner: Owner) -> None:
        self._path = _ROOT + name
        self._name = name
        self._blob = blob
        self._root = _attributes(stat.S_IFDIR | 0o555, 2, 0, owner)
        file = _attributes(stat.S_IFREG | 0o444, 1, blob.size, owner)
        self._file = {**file, "st_blocks": blocks(blob, 0, blob.size)}

    def getattr(self, path: str, _handle: int | None = None) -> Mapping[str, int]:
        """Return what stat(2) says."""
        if path == _ROOT:
            return self._root
        self._need_file(path)
        return self._file

    def readdir(self, path: str, _handle: int) -> list[str]:
        """Return the names in the directory."""
        if path != _ROOT:
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return [".", "..", self._name]

    def open(self, path: str, flags: int) -> int:
        """Return a handle, which is the same for all; nobody writes."""
        self._need_file(path)
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return 0

    def read(self, _path: str, size: int, offset: int, _handle: int) -> bytes:
        """Return bytes of the blob."""
        return bytes(self._blob.read(offset, size))

    def lseek(self, path: str, offset: int, whence: int) -> int:
        """Return where the next hole (`SEEK_HOLE`) or the next data is."""
        self._need_file(path)
        return seek(self._blob, 0, self._blob.size, offset, whence)

    def statfs(self, _path: str) -> Mapping[str, int]:
        """Return the size of the file system: full, with one file."""
        return {
            "f_bsize": _BLOCK,
            "f_frsize": _BLOCK,
            "f_blocks": -(-self._blob.size // _BLOCK),
            "f_files": 2,
            "f_namemax": 255,
        }

    def _need_file(self, path: str) -> None:
        if path != self._path:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))


def _attributes(mode: int, links: int, size: int, owner: Owner) -> Mapping[str, int]:
    return {
        "st_mode": mode,
        "st_nlink": links,
        "st_size": size,
        "st_uid": owner.uid,
        "st_gid": owner.gid,
        "st_atime": owner.mtime_ns,
        "st_mtime": owner.mtime_ns,
        "st_ctime": owner.mtime_ns,
    }
