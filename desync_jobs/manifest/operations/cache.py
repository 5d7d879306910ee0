"""`cache`: copy the chunks of indexes from stores into a cache."""

from typing import Annotated, Literal

from pydantic import Field

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexFile
from desync_jobs.manifest.paths import FilePath


class CacheOpSpec(OperationBase):
    """Copy the chunks of indexes from stores into a cache, so that it has all of them."""

    kind: Literal["cache"]
    """Fills a cache."""
    indexes: Annotated[tuple[IndexFile, ...], Field(min_length=1)]
    """The indexes whose chunks are wanted."""
    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores to take chunks from; a chunk that is missing in one is looked for in the next."""
    cache: str
    """The cache to fill."""
    ignore: tuple[IndexFile, ...] = ()
    """Indexes whose chunks are left out, for example those of a release that everybody has."""
    ignore_chunks: tuple[FilePath, ...] = ()
    """Text files with chunk IDs to leave out, one in each line."""

    chunks_info: FilePath | None = None
    """A file written by `inspect-chunks`: tells a preview the stored sizes that a store cannot."""

    def access(self) -> Access:
        return access(
            reads=[*self.indexes, *self.ignore, *self.ignore_chunks, self.chunks_info],
            uses_stores=self.stores,
            adds_to=[self.cache],
        )
