"""`list-chunks`: list the chunk IDs of an index."""

from typing import Literal

from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.paths import StreamPath


class ListChunksSpec(OperationBase):
    """List the chunk IDs of an index, one in each line, in its order."""

    kind: Literal["list-chunks"]
    """Lists the chunk IDs of an index."""
    index: IndexStream
    """The index; `-` is standard input."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""

    def access(self) -> Access:
        return access(reads=[self.index], writes=[self.output])
