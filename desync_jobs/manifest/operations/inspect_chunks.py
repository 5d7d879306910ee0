"""`inspect-chunks`: list the sizes of an index's chunks, plain and stored."""

from typing import Literal

from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.paths import StreamPath


class InspectChunksSpec(OperationBase):
    """List each chunk of an index as JSON, with its plain size and its size in a store."""

    kind: Literal["inspect-chunks"]
    """Lists the sizes of the chunks of an index."""
    index: IndexStream
    """The index; `-` is standard input."""
    output: StreamPath = STREAM
    """The JSON file to write; `-` is standard output."""
    store: str | None = None
    """The store or cache whose stored sizes are listed; without one, only plain sizes are."""

    def access(self) -> Access:
        return access(reads=[self.index], writes=[self.output], uses_stores=[self.store])
