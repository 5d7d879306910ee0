"""Operations that read chunks for others as these ask, until they are stopped."""

from typing import Annotated

from pydantic import Field

from desync_jobs.manifest.endless import EndlessSpec
from desync_jobs.manifest.quantities import Size
from desync_jobs.manifest.scalars import Flag


class LiveSpec(EndlessSpec):
    """An operation that goes on until it is stopped, and fetches what is read meanwhile."""

    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores to take chunks from; a chunk that is missing in one is looked for in the next."""
    cache: str | None = None
    """The cache that is asked first, and filled with what the stores deliver."""
    cache_repair: Flag = True
    """Whether an invalid chunk in the cache is fetched again and replaced; otherwise it is an
    error."""
    memory: Size = 32 << 20
    """How many bytes of chunks are kept in memory; a quarter of that may be read in advance."""
