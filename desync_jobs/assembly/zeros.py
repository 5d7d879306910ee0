"""Zero chunks: known without asking anybody, and written as holes.

A hole is punched with `fallocate(2)`; where the file system or device cannot,
zeros are written.
"""

from typing import Final

from desync_jobs.assembly.fallocate import Change, fallocate
from desync_jobs.assembly.placing import Target, write_placed
from desync_jobs.core.chunk import ChunkID, DigestAlgorithm
from desync_jobs.errors import TargetError

_BLOCK: Final = 1 << 20


def zero_chunk_id(algorithm: DigestAlgorithm, length: int) -> ChunkID:
    """Return the ID of `length` zero bytes, in bounded memory."""
    digest = algorithm.new()
    block = bytes(min(length, _BLOCK))
    for begin in range(0, length, _BLOCK):
        digest.update(memoryview(block)[: length - begin])
    return digest.digest()


def write_zeros(target: Target, offset: int, length: int) -> None:
    """Make `length` bytes from `offset` zero, as a hole where that is possible."""
    if _punch(target, offset, length):
        return
    block = memoryview(bytes(min(length, _BLOCK)))
    end = offset + length
    while offset < end:
        # Up to a multiple of the block, so that all but the first and the last are whole ones.
        step = min(_BLOCK - offset % _BLOCK, end - offset)
        offset += write_placed(target, [(offset, block[:step])])


def _punch(target: Target, offset: int, length: int) -> bool:
    try:
        return fallocate(target.fd, Change.PUNCH_HOLE, offset, length)
    except OSError as error:
        raise TargetError.of_writing(target.name, error) from error
