"""What serving a blob as a block device takes, wherever the device is."""

from typing import Annotated

from pydantic import Field

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.indexes import IndexFile
from desync_jobs.manifest.live import LiveSpec
from desync_jobs.manifest.quantities import Duration


class NbdSpec(LiveSpec):
    """A blob that is served as a block device until stopped."""

    index: IndexFile
    """The index of the blob."""
    drain: Annotated[Duration, Field(validate_default=False)] = 30.0
    """How long requests under way may take to finish at the end."""

    def access(self) -> Access:
        return access(reads=[self.index], uses_stores=[*self.stores, self.cache])
