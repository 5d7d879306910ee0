"""`chunk`: list where a blob would be cut, without storing anything."""

from typing import Literal

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import DEFAULT_SIZES, CutMode
from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.chunk_size import ChunkSize
from desync_jobs.manifest.paths import StreamPath
from desync_jobs.manifest.quantities import Size


class ChunkSpec(OperationBase):
    """List offset, length and ID of each chunk that a blob would be cut into."""

    kind: Literal["chunk"]
    """Lists the chunks of a blob."""
    blob: StreamPath
    """The file or block device to cut; `-` is standard input."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""
    chunk_size: ChunkSize = DEFAULT_SIZES
    """Shortest, average and longest chunk as `MIN:AVG:MAX`, or `AVG` alone for limits of a
    quarter and four times that."""
    start: Size = 0
    """Where cutting begins, counted from the start of the blob."""
    cut: CutMode = CutMode.CASYNC
    """Whose cut points: `casync` for those of casync and of desync since 1.1, `desync-1.0` for
    those of older releases."""
    digest: DigestAlgorithm = DigestAlgorithm.SHA512_256
    """The digest that names the chunks."""

    def access(self) -> Access:
        return access(reads=[self.blob], writes=[self.output])
