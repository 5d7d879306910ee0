"""Plain chunk to zstd, which casync and desync read."""

import zstandard

from desync_jobs.codecs.pool import Pool
from desync_jobs.core.chunk import BytesLike


class ZstdEncoder:
    """Writes zstd frames that say how long their content is and carry no checksum.

    The length lets every decoder work in one pass; a checksum would repeat what the chunk's
    ID proves. Safe to call from many threads.
    """

    def __init__(self, level: int) -> None:
        self._contexts = Pool(lambda: zstandard.ZstdCompressor(level=level))

    def encode(self, plain: BytesLike) -> bytes:
        """Return `plain`, at least one byte, as one frame."""
        if not len(plain):
            raise ValueError("a chunk has at least one byte")
        context = self._contexts.take()
        try:
            return context.compress(plain)
        finally:
            self._contexts.give(context)
