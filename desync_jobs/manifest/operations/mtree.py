"""`mtree`: everything in an archive, with digests."""

from typing import Literal

from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.paths import StreamPath


class MtreeSpec(OperationBase):
    """Describe everything in an archive as an mtree: metadata, and digests of files."""

    kind: Literal["mtree"]
    """Describes an archive."""
    archive: StreamPath
    """The archive (catar); `-` is standard input."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""
    style: Literal["casync", "desync"] = "casync"
    """Whose words: casync's tell more, desync's are those of its `mtree`, without its mistakes."""

    def access(self) -> Access:
        return access(reads=[self.archive], writes=[self.output])
