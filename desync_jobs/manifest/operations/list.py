"""`list`: the names in an archive."""

from typing import Literal

from desync_jobs.manifest.access import STREAM, Access
from desync_jobs.manifest.archive import ArchiveSpec
from desync_jobs.manifest.paths import StreamPath


class ListSpec(ArchiveSpec):
    """List what is in an archive, with the mode of each, a line each."""

    kind: Literal["list"]
    """Lists an archive."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""

    def access(self) -> Access:
        return self.archive_access(writes=(self.output,))
