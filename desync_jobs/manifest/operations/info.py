"""`info`: count what an index describes and how much of it is at hand."""

from typing import Literal

from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexFile, IndexStream
from desync_jobs.manifest.paths import FilePath, StreamPath


class InfoSpec(OperationBase):
    """Count the chunks of an index, and how many of them stores, seeds and a cache hold."""

    kind: Literal["info"]
    """Describes an index."""
    index: IndexStream
    """The index; `-` is standard input."""
    output: StreamPath = STREAM
    """The file to write; `-` is standard output."""
    stores: tuple[str, ...] = ()
    """Stores in which the chunks are looked for."""
    seeds: tuple[IndexFile, ...] = ()
    """Indexes of blobs that are at hand, so that their chunks need no fetching."""
    cache: str | None = None
    """The cache in which the chunks are looked for."""
    chunks_info: FilePath | None = None
    """A file written by `inspect-chunks`, to count compressed bytes as well."""
    format: Literal["json", "plain"] = "json"
    """How the answer is written: for programs, or as labelled lines."""

    def access(self) -> Access:
        return access(
            reads=[self.index, *self.seeds, self.chunks_info],
            writes=[self.output],
            uses_stores=[*self.stores, self.cache],
        )
