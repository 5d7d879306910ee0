"""What every mount has: a place, who sees it, what it may take, and how it ends."""

from typing import Annotated, ClassVar

from pydantic import Field

from desync_jobs.manifest.live import LiveSpec
from desync_jobs.manifest.paths import FilePath
from desync_jobs.manifest.quantities import Duration
from desync_jobs.manifest.scalars import Flag


class MountSpec(LiveSpec):
    """An operation that shows something as a file system until it is unmounted or stopped."""

    fixed: ClassVar[tuple[str, ...]] = ("mountpoint", "memory", "allow_other", "patience")

    mountpoint: FilePath
    """The directory to mount at; it must exist, and what is in it is hidden meanwhile."""
    allow_other: Flag = False
    """Whether other users than the one who mounts see anything; root sees what root mounts."""
    patience: Annotated[Duration, Field(validate_default=False)] = 10.0
    """How long somebody may go on using it when it is stopped; then it is taken away."""
