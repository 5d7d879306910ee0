"""Chunk IDs of many pieces at once."""

from collections.abc import Sequence

from desync_jobs.core.chunk import CHUNK_ID_SIZE, BytesLike, ChunkID, DigestAlgorithm
from desync_jobs.core.kernel import Kernel


def digest_many(
    kernel: Kernel, algorithm: DigestAlgorithm, pieces: Sequence[BytesLike]
) -> list[ChunkID]:
    """Return the ID of each piece, in their order.

    SHA-256 stays with hashlib, where processors have instructions for it.
    `BufferError` where a piece is not contiguous.
    """
    if algorithm is DigestAlgorithm.SHA256:
        return [algorithm.of(piece) for piece in pieces]
    digests = kernel.sha512_256(pieces)
    return [
        digests[start : start + CHUNK_ID_SIZE] for start in range(0, len(digests), CHUNK_ID_SIZE)
    ]
