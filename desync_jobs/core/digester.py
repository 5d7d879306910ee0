"""Chunk IDs of a blob's chunks, where runs of zeros cost next to nothing.

Disk images are full of zeros, which the chunker cuts at the maximum size. Whether a
piece is all zero is seen some ten times faster than its digest is computed, and that digest
is always the same. A fast path skips work whose result is known; the IDs are those of
`digest_many`.
"""

from collections.abc import Sequence

import numpy as np

from desync_jobs.core.chunk import BytesLike, ChunkID, DigestAlgorithm
from desync_jobs.core.digest import digest_many
from desync_jobs.core.kernel import Kernel

_WORD = 8


class Digester:
    """Digests pieces; knows the ID of `maximum` zero bytes once it has met it."""

    def __init__(self, kernel: Kernel, algorithm: DigestAlgorithm, maximum: int) -> None:
        self._kernel = kernel
        self._algorithm = algorithm
        self._maximum = maximum
        self._zero_id: ChunkID | None = None

    def __call__(self, pieces: Sequence[memoryview]) -> list[ChunkID]:
        """Return the ID of each piece, in their order."""
        zero = [len(piece) == self._maximum and is_zero(piece) for piece in pieces]
        if True not in zero:
            return digest_many(self._kernel, self._algorithm, pieces)
        zero_id = self._known(pieces[zero.index(True)])
        others = [piece for piece, flag in zip(pieces, zero, strict=True) if not flag]
        digests = iter(digest_many(self._kernel, self._algorithm, others))
        return [zero_id if flag else next(digests) for flag in zero]

    def _known(self, zeros: BytesLike) -> ChunkID:
        # Two threads may both compute it; they come to the same.
        if self._zero_id is None:
            self._zero_id = self._algorithm.of(zeros)
        return self._zero_id


def is_zero(piece: memoryview) -> bool:
    """Whether every byte of `piece` is zero."""
    if piece[:_WORD] != bytes(min(len(piece), _WORD)):
        return False
    whole = len(piece) - len(piece) % _WORD
    return not np.frombuffer(piece[:whole], np.uint64).any() and not any(piece[whole:])
