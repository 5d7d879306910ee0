"""`put`: an archive → its chunks in a store, and its index."""

from typing import Literal

from desync_jobs.core.sizes import DEFAULT_SIZES, CutMode
from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.chunk_size import ChunkSize
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.paths import StreamPath


class PutSpec(OperationBase):
    """Cut an archive into chunks, keep those in a store, and write its index.

    Unlike `make`, which takes anything, this checks the archive, and the index says of it what an
    index of an archive says: its features and its digest. The result is what `tar` makes of the
    tree.
    """

    kind: Literal["put"]
    """Makes chunks and an index of an archive."""
    archive: StreamPath
    """The archive (catar) to read; `-` is standard input."""
    index: IndexStream
    """The index (caidx) to write; `-` is standard output."""
    store: str | None = None
    """The store that keeps the chunks; without one, only the index is made."""
    chunk_size: ChunkSize = DEFAULT_SIZES
    """Shortest, average and longest chunk as `MIN:AVG:MAX`, or `AVG` alone for limits of a
    quarter and four times that."""
    cut: CutMode = CutMode.CASYNC
    """Whose cut points: `casync` for those of casync and of desync since 1.1, `desync-1.0` for
    those of older releases."""

    def access(self) -> Access:
        return access(reads=[self.archive], writes=[self.index], adds_to=[self.store])
