"""`mount`: show an archive as a directory tree, without unpacking it."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import ConfigDict

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.archive import WAYS
from desync_jobs.manifest.base import Found
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.mounting import MountSpec
from desync_jobs.manifest.paths import FilePath
from desync_jobs.manifest.sources import source_contradictions


class MountTreeSpec(MountSpec):
    """Show an archive as a read-only directory tree, and fetch what is read of it."""

    model_config = ConfigDict(json_schema_extra={"oneOf": list(WAYS)})
    fixed: ClassVar[tuple[str, ...]] = (*MountSpec.fixed, "archive", "index")

    kind: Literal["mount"]
    """Shows an archive as a directory tree, without unpacking it."""
    archive: FilePath | None = None
    """The archive (catar), a file."""
    index: IndexStream | None = None
    """The index (caidx) of the archive instead, whose chunks are taken from `stores`; `-` is
    standard input."""
    stores: tuple[str, ...] = ()
    """Stores to take chunks from; a chunk that is missing in one is looked for in the next."""

    def contradictions(self) -> Iterator[Found]:
        """Yield what is wrong with the keys of this operation together."""
        if (self.archive is None) == (self.index is None):
            yield (), "give either archive, or index with stores"
        else:
            yield from source_contradictions(self, indexed=self.index is not None)

    def access(self) -> Access:
        return access(reads=[self.archive, self.index], uses_stores=[*self.stores, self.cache])
