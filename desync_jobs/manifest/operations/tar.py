"""`tar`: archive a directory or a tar stream, as a file or as chunks with an index."""

from enum import Enum
from typing import Final, Literal

from pydantic import ConfigDict

from desync_jobs.core.sizes import DEFAULT_SIZES, CutMode
from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.chunk_size import ChunkSize
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.kept import KeptSpec
from desync_jobs.manifest.paths import FilePath, StreamPath
from desync_jobs.manifest.quantities import Size
from desync_jobs.manifest.scalars import Flag

_SOURCES: Final = ("directory", "tar_stream")
_OUTPUTS: Final = ("archive", "index")
_MAX_EXPANSION: Final = 1 << 40


class Dialect(Enum):
    """Whose archives are written; the value is its name in manifests."""

    CASYNC = "casync"
    DESYNC = "desync"


class TarSpec(KeptSpec):
    """Archive the tree of a directory or of a tar stream, as a file or as chunks with an index."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {"oneOf": [{"required": [key]} for key in keys]} for keys in (_SOURCES, _OUTPUTS)
            ]
        }
    )

    kind: Literal["tar"]
    """Archives a directory tree."""
    directory: FilePath | None = None
    """The top of the tree."""
    tar_stream: StreamPath | None = None
    """A tar stream that is archived instead, of GNU tar, bsdtar or any other; `-` is standard
    input. It may be compressed with gzip, bzip2, xz or Zstandard."""
    add_root: Flag = False
    """Whether a directory is added for everything in the tar stream, where it does not have `.`;
    without it, the only directory at the top becomes the root of the archive."""
    max_expansion: Size = _MAX_EXPANSION
    """The most bytes that a tar stream may become beyond its own: the holes of sparse files, the
    copies of linked ones, what comes out of compressed data."""
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
    def source(self) -> str:
        """What is archived, whichever of the two it is."""
        return self.directory or self.tar_stream or ""

    @property
    def output(self) -> str:
        """What is written, whichever of the two it is."""
        return self.archive or self.index or ""

    def access(self) -> Access:
        written = [path for path in (self.archive, self.index) if path is not None]
        trees = [] if self.directory is None else [self.directory]
        return access(
            reads=[self.tar_stream], reads_trees=trees, writes=written, adds_to=[self.store]
        )
