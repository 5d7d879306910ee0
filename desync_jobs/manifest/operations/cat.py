"""`cat`: write a part of a blob, fetching only the chunks in it."""

from typing import Annotated, Literal

from pydantic import Field

from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.paths import FilePath, StreamPath
from desync_jobs.manifest.quantities import Size
from desync_jobs.manifest.scalars import Flag


class CatSpec(OperationBase):
    """Write a blob or a part of it, fetching only the chunks in that part."""

    kind: Literal["cat"]
    """Writes a part of a blob."""
    index: IndexStream
    """The index of the blob; `-` is standard input."""
    output: StreamPath = STREAM
    """The file to write; `-` is standard output."""
    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores to take chunks from; a chunk that is missing in one is looked for in the next."""
    cache: str | None = None
    """The cache that is asked first, and filled with what the stores deliver."""
    cache_repair: Flag = True
    """Whether an invalid chunk in the cache is fetched again and replaced; otherwise it is an
    error."""
    chunks_info: FilePath | None = None
    """A file written by `inspect-chunks`: tells a preview the stored sizes that a store cannot."""
    seeds: tuple[str, ...] = ()
    """Seeds whose chunks are used instead of fetching them, the preferred first."""
    offset: Size = 0
    """Where the part begins, counted from the start of the blob."""
    length: Size | None = None
    """How long the part is; without it, to the end of the blob."""

    def access(self) -> Access:
        return access(
            reads=[self.index, self.chunks_info],
            writes=[self.output],
            uses_stores=[*self.stores, self.cache],
            uses_seeds=self.seeds,
        )
