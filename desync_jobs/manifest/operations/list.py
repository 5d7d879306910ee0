"""`list`: the names in an archive."""

from typing import Literal

from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.paths import StreamPath


class ListSpec(OperationBase):
    """List what is in an archive, with the mode of each, a line each."""

    kind: Literal["list"]
    """Lists an archive."""
    archive: StreamPath
    """The archive (catar); `-` is standard input."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""

    def access(self) -> Access:
        return access(reads=[self.archive], writes=[self.output])
