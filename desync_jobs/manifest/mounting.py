"""What every mount has: a place, who sees it, what it may take, and how it ends."""

from typing import Annotated, ClassVar

from pydantic import Field

from desync_jobs.manifest.endless import EndlessSpec
from desync_jobs.manifest.paths import FilePath
from desync_jobs.manifest.quantities import Duration, Size
from desync_jobs.manifest.scalars import Flag


class MountSpec(EndlessSpec):
    """An operation that shows something as a file system until it is unmounted or stopped."""

    fixed: ClassVar[tuple[str, ...]] = ("mountpoint", "memory", "allow_other", "patience")

    mountpoint: FilePath
    """The directory to mount at; it must exist, and what is in it is hidden meanwhile."""
    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores to take chunks from; a chunk that is missing in one is looked for in the next."""
    cache: str | None = None
    """The cache that is asked first, and filled with what the stores deliver."""
    cache_repair: Flag = True
    """Whether an invalid chunk in the cache is fetched again and replaced; otherwise it is an
    error."""
    memory: Size = 64 << 20
    """How many bytes of chunks are kept in memory; half of it may be chunks read in advance."""
    allow_other: Flag = False
    """Whether other users than the one who mounts see anything; root sees what root mounts."""
    patience: Annotated[Duration, Field(validate_default=False)] = 10.0
    """How long somebody may go on using it when it is stopped; then it is taken away."""
