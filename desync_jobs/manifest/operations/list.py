"""`list`: the names in an archive."""

from typing import Literal

from desync_jobs.manifest.access import STREAM, Access
from desync_jobs.manifest.paths import StreamPath
from desync_jobs.manifest.tree import TreeSpec


class ListSpec(TreeSpec):
    """List what is in an archive or a directory, with the mode of each, a line each."""

    kind: Literal["list"]
    """Lists an archive."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""

    def access(self) -> Access:
        return self.tree_access(writes=(self.output,))
