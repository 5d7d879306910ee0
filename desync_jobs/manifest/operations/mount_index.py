"""`mount-index`: show a blob as a file, without extracting it."""

from typing import ClassVar, Literal

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.mounting import MountSpec


class MountIndexSpec(MountSpec):
    """Show a blob as a read-only file, and fetch what is read of it."""

    fixed: ClassVar[tuple[str, ...]] = (*MountSpec.fixed, "index")

    kind: Literal["mount-index"]
    """Shows a blob as a file, without extracting it."""
    index: IndexStream
    """The index of the blob; `-` is standard input. The file is called as the index is, without
    what follows the last point."""

    def access(self) -> Access:
        return access(reads=[self.index], uses_stores=[*self.stores, self.cache])
