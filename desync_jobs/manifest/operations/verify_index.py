"""`verify-index`: check that a blob is the one its index describes."""

from typing import Literal

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.paths import FilePath


class VerifyIndexSpec(OperationBase):
    """Check that a blob is the one its index describes; needs no store."""

    kind: Literal["verify-index"]
    """Compares a blob with its index."""
    index: IndexStream
    """The index; `-` is standard input."""
    blob: FilePath
    """The file or block device to check."""

    def access(self) -> Access:
        return access(reads=[self.index, self.blob])
