"""`tar`: archive a directory tree, as a file or as chunks with an index."""

from enum import Enum
from typing import Final, Literal

from pydantic import ConfigDict

from desync_jobs.core.sizes import DEFAULT_SIZES, CutMode
from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.chunk_size import ChunkSize
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.kept import KeptSpec
from desync_jobs.manifest.paths import FilePath, StreamPath

_OUTPUTS: Final = ("archive", "index")


class Dialect(Enum):
    """Whose archives are written; the value is its name in manifests."""

    CASYNC = "casync"
    DESYNC = "desync"


class TarSpec(KeptSpec):
    """Archive a directory tree, as a catar file or as chunks with an index."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [key]} for key in _OUTPUTS]}
    )

    kind: Literal["tar"]
    """Archives a directory tree."""
    directory: FilePath
    """The top of the tree."""
    archive: StreamPath | None = None
    """The archive to write; `-` is standard output."""
    index: IndexStream | None = None
    """The index to write instead, of the archive's chunks; `-` is standard output."""
    store: str | None = None
    """The store that keeps the chunks; without one, only the index is made."""
    dialect: Dialect = Dialect.CASYNC
    """Whose archives: `casync` for those that both programs read, `desync` for those that desync
    itself writes, which keep less and whose extended attributes casync misreads."""
    chunk_size: ChunkSize = DEFAULT_SIZES
    """Shortest, average and longest chunk as `MIN:AVG:MAX`, or `AVG` alone for limits of a
    quarter and four times that."""
    cut: CutMode = CutMode.CASYNC
    """Whose cut points: `casync` for those of casync and of desync since 1.1, `desync-1.0` for
    those of older releases."""

    @property
    def output(self) -> str:
        """What is written, whichever of the two it is."""
        return self.archive or self.index or ""

    def access(self) -> Access:
        written = [path for path in (self.archive, self.index) if path is not None]
        return access(reads_trees=[self.directory], writes=written, adds_to=[self.store])
