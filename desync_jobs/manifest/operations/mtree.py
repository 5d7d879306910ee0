"""`mtree`: everything in an archive, with digests."""

from typing import Literal

from desync_jobs.manifest.access import STREAM, Access
from desync_jobs.manifest.archive import ArchiveSpec
from desync_jobs.manifest.paths import StreamPath


class MtreeSpec(ArchiveSpec):
    """Describe everything in an archive as an mtree: metadata, and digests of files."""

    kind: Literal["mtree"]
    """Describes an archive."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""
    style: Literal["casync", "desync"] = "casync"
    """Whose words: casync's tell more, desync's are those of its `mtree`, without its mistakes."""

    def access(self) -> Access:
        return self.archive_access(writes=(self.output,))
