"""`diff-indexes`: the chunks of two indexes against each other."""

from typing import Literal

from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.comparison import Form
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.paths import StreamPath


class DiffIndexesSpec(OperationBase):
    """Count what two indexes share, and what somebody who has the one fetches for the other.

    Only the indexes are read. Indexes that differ are no error.
    """

    kind: Literal["diff-indexes"]
    """Compares two indexes."""
    old: IndexStream
    """The index of what is there; `-` is standard input."""
    new: IndexStream
    """The index of what is wanted."""
    format: Form = "words"
    """How the figures are told: in `words`, or as an object in `json`."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""

    def access(self) -> Access:
        return access(reads=[self.old, self.new], writes=[self.output])
