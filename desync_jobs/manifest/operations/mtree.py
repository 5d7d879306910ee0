"""`mtree`: everything in an archive, with digests."""

from typing import Literal

from desync_jobs.manifest.access import STREAM, Access
from desync_jobs.manifest.paths import StreamPath
from desync_jobs.manifest.tree import TreeSpec


class MtreeSpec(TreeSpec):
    """Describe everything in an archive or a directory as an mtree, with digests of files."""

    kind: Literal["mtree"]
    """Describes an archive."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""
    style: Literal["casync", "desync"] = "casync"
    """Whose words: casync's tell more, desync's are those of its `mtree`, without its mistakes."""

    def access(self) -> Access:
        return self.tree_access(writes=(self.output,))
