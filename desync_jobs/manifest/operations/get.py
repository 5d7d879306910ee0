"""`get`: the chunks of an archive, by its index → the archive as one file."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import Found
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.paths import StreamPath
from desync_jobs.manifest.sources import SourcesSpec


class GetSpec(SourcesSpec):
    """Put an archive together from its index and the chunks in stores, as one file.

    Unlike `cat`, which takes any index, this checks that the result is a whole archive.
    """

    kind: Literal["get"]
    """Puts an archive together."""
    index: IndexStream
    """The index (caidx) of the archive; `-` is standard input."""
    archive: StreamPath = STREAM
    """The archive (catar) to write; `-` is standard output."""
    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores to take chunks from; a chunk that is missing in one is looked for in the next."""

    def access(self) -> Access:
        return access(
            reads=[self.index, self.chunks_info],
            writes=[self.archive],
            uses_stores=[*self.stores, self.cache],
            uses_seeds=self.seeds,
        )

    def contradictions(self) -> Iterator[Found]:
        return self.source_contradictions(indexed=True)
