"""Zero chunks: known without asking anybody, and written as holes.

A hole is punched with `fallocate(2)`; where the file system or device cannot,
zeros are written.
"""

import ctypes
import errno
import os
from typing import Final

from desync_jobs.core.chunk import ChunkID, DigestAlgorithm
from desync_jobs.errors import TargetError

_PUNCH_HOLE_KEEP_SIZE: Final = 0x02 | 0x01
_BLOCK: Final = 1 << 20
_CANNOT_PUNCH: Final = {errno.EOPNOTSUPP, errno.ENODEV, errno.EINVAL, errno.ENOSYS}


def zero_chunk_id(algorithm: DigestAlgorithm, length: int) -> ChunkID:
    """Return the ID of `length` zero bytes, in bounded memory."""
    digest = algorithm.new()
    block = bytes(min(length, _BLOCK))
    for begin in range(0, length, _BLOCK):
        digest.update(memoryview(block)[: length - begin])
    return digest.digest()


def write_zeros(fd: int, offset: int, length: int, name: str) -> None:
    """Make `length` bytes from `offset` zero, as a hole where that is possible."""
    if not _punch(fd, offset, length, name):
        block = memoryview(bytes(min(length, _BLOCK)))
        end = offset + length
        while offset < end:
            try:
                offset += os.pwrite(fd, block[: end - offset], offset)
            except OSError as error:
                raise TargetError(f"{name}: cannot be written: {error.strerror}") from error


def _punch(fd: int, offset: int, length: int, name: str) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.fallocate(
        fd, _PUNCH_HOLE_KEEP_SIZE, ctypes.c_int64(offset), ctypes.c_int64(length)
    )
    if result == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT_PUNCH:
        return False
    raise TargetError(f"{name}: cannot be written: {os.strerror(code)}")
