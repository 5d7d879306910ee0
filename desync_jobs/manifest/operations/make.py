"""`make`: cut a blob into chunks, write its index, and keep the chunks in a store."""

from typing import Literal

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import DEFAULT_SIZES, CutMode
from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.chunk_size import ChunkSize
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.paths import StreamPath


class MakeSpec(OperationBase):
    """Cut a blob into chunks, write its index, and keep the chunks in a store."""

    kind: Literal["make"]
    """Makes an index, and fills a store."""
    blob: StreamPath
    """The file or block device to cut; `-` is standard input."""
    index: IndexStream
    """The index to write; `-` is standard output."""
    store: str | None = None
    """The store that keeps the chunks; without one, only the index is made."""
    chunk_size: ChunkSize = DEFAULT_SIZES
    """Shortest, average and longest chunk as `MIN:AVG:MAX`, or `AVG` alone for limits of a
    quarter and four times that. Blobs share chunks only where these are the same."""
    cut: CutMode = CutMode.CASYNC
    """Whose cut points: `casync` for those of casync and of desync since 1.1, `desync-1.0` for
    those of older releases."""
    digest: DigestAlgorithm = DigestAlgorithm.SHA512_256
    """The digest that names the chunks; it is recorded in the index."""

    def access(self) -> Access:
        return access(reads=[self.blob], writes=[self.index], adds_to=[self.store])
