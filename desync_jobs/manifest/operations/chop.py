"""`chop`: store the chunks of a blob that has an index already."""

from typing import Literal

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexFile, IndexStream
from desync_jobs.manifest.paths import FilePath


class ChopSpec(OperationBase):
    """Store the chunks of a blob that has an index already; cuts nothing anew."""

    kind: Literal["chop"]
    """Fills a store from a blob and its index."""
    index: IndexStream
    """The index of the blob; `-` is standard input."""
    blob: FilePath
    """The file or block device that holds the chunks."""
    store: str
    """The store that keeps the chunks."""
    ignore: tuple[IndexFile, ...] = ()
    """Indexes whose chunks are left out, for example those of a release that everybody has."""
    ignore_chunks: tuple[FilePath, ...] = ()
    """Text files with chunk IDs to leave out, one in each line."""

    def access(self) -> Access:
        return access(
            reads=[self.index, self.blob, *self.ignore, *self.ignore_chunks],
            adds_to=[self.store],
        )
