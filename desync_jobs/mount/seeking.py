"""Where the holes of a file are: lseek(2) with `SEEK_HOLE` and `SEEK_DATA`."""

import errno
import os

from desync_jobs.assembly.random_access import RandomAccess


def seek(blob: RandomAccess, begin: int, size: int, offset: int, whence: int) -> int:
    """Return where the next hole or data of a file is, which is `size` bytes of `blob` at `begin`.

    `OSError` where there is none, as from the system.
    """
    if offset >= size:
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
    for extent in blob.extents(begin + offset, size - offset):
        if extent.hole == (whence == os.SEEK_HOLE):
            return offset
        offset += extent.length
    if whence == os.SEEK_HOLE:
        return size
    raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))


def blocks(blob: RandomAccess, begin: int, size: int) -> int:
    """Return the blocks of 512 bytes that such a file takes: programs look for holes by them."""
    data = sum(one.length for one in blob.extents(begin, size) if not one.hole)
    return -(-data // 512)
