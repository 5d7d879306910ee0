"""`mount-index`: show a blob as a file, without extracting it."""

from typing import ClassVar, Literal

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.copy_on_read import CopyOnReadSpec
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.mounting import MountSpec


class MountIndexSpec(MountSpec):
    """Show a blob as a read-only file, and fetch what is read of it."""

    fixed: ClassVar[tuple[str, ...]] = (*MountSpec.fixed, "index", "copy_on_read")

    kind: Literal["mount-index"]
    """Shows a blob as a file, without extracting it."""
    index: IndexStream
    """The index of the blob; `-` is standard input. The file is called as the index is, without
    what follows the last point."""
    copy_on_read: CopyOnReadSpec | None = None
    """Keeps what is read in a file, so that nothing is fetched twice, over restarts too."""

    def access(self) -> Access:
        copy = self.copy_on_read
        written = [] if copy is None else [copy.file, copy.state_path]
        listed = None if copy is None or copy.prefetch in written else copy.prefetch
        return access(
            reads=[self.index, listed],
            writes=written,
            uses_stores=[*self.stores, self.cache],
        )
