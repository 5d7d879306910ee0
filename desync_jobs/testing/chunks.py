"""Chunks made for tests."""

import random

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.stores.base import Chunk


def make_chunk(plain: bytes, algorithm: DigestAlgorithm = DigestAlgorithm.SHA512_256) -> Chunk:
    """Return the chunk of some plain bytes."""
    return Chunk(algorithm.of(plain), plain)


def make_chunks(count: int, size: int = 2000, seed: int = 0) -> list[Chunk]:
    """Return different chunks of `size` bytes that compress to about half."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, guards nothing
    return [make_chunk(rng.randbytes(size - size // 2).ljust(size, b".")) for _ in range(count)]
