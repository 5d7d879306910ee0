"""`pull`: serve chunks to a casync or desync client on standard input and output."""

from typing import Annotated, Literal

from pydantic import Field

from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexFile
from desync_jobs.manifest.scalars import Flag


class PullSpec(OperationBase):
    """Serve chunks to the client of casync's protocol that is on standard input and output."""

    kind: Literal["pull"]
    """Serves a client of casync's protocol."""
    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores to take chunks from; a chunk that is missing in one is looked for in the next."""
    cache: str | None = None
    """The cache that is asked first, and filled with what the stores deliver."""
    cache_repair: Flag = True
    """Whether an invalid chunk in the cache is fetched again and replaced; otherwise it is an
    error."""
    index: IndexFile | None = None
    """The index that clients get who ask for one."""

    def access(self) -> Access:
        return access(
            reads=[self.index, STREAM], writes=[STREAM], uses_stores=[*self.stores, self.cache]
        )
