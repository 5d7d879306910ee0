"""`digest`: the digest of a whole blob."""

from typing import Literal

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.paths import StreamPath


class DigestSpec(OperationBase):
    """Write the digest of a whole blob as hex digits."""

    kind: Literal["digest"]
    """Digests a blob."""
    blob: StreamPath
    """The file or block device to read; `-` is standard input."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""
    digest: DigestAlgorithm = DigestAlgorithm.SHA512_256
    """Which digest."""

    def access(self) -> Access:
        return access(reads=[self.blob], writes=[self.output])
