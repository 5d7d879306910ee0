"""Small indexes built from the chunks they should have."""

from collections.abc import Sequence

import numpy as np

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index

ALGORITHM = DigestAlgorithm.SHA512_256


def index_of(chunks: Sequence[bytes], maximum: int = 1 << 20) -> Index:
    """The index of a blob that consists of `chunks`."""
    ids = b"".join(map(ALGORITHM.of, chunks))
    return Index(
        blob_flags(ALGORITHM, CutMode.CASYNC),
        ChunkSizes(1, min(64, maximum), maximum),
        np.cumsum([len(chunk) for chunk in chunks], dtype=np.uint64),
        np.frombuffer(ids, np.uint8).reshape(-1, 32),
    )
