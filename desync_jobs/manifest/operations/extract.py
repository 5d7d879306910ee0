"""`extract`: assemble a blob from its index and the chunks in stores."""

from typing import Annotated, Literal

from pydantic import Field

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.digests import BlobDigest
from desync_jobs.manifest.paths import FilePath, StreamPath
from desync_jobs.manifest.scalars import Flag


class ExtractSpec(OperationBase):
    """Assemble a blob from its index and the chunks in stores."""

    kind: Literal["extract"]
    """Writes the blob that an index describes."""
    index: StreamPath
    """The index of the blob; `-` is standard input."""
    target: FilePath
    """The file or block device to write."""
    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores to take chunks from; a chunk that is missing in one is looked for in the next."""
    cache: str | None = None
    """The cache that is asked first, and filled with what the stores deliver."""
    cache_repair: Flag = True
    """Whether an invalid chunk in the cache is fetched again and replaced; otherwise it is an
    error."""
    seeds: tuple[str, ...] = ()
    """Seeds whose chunks are used instead of fetching them, the preferred first."""
    invalid_seeds: Literal["fail", "skip", "regenerate"] = "fail"
    """What happens where a seed is not what its index says: the operation fails, what the seed
    lacks is taken from other seeds and from the stores, or the seed is indexed anew before that. A
    seed whose index the runner made itself, or that is the target, is never a reason to fail."""
    blob_digest: BlobDigest | None = None
    """The digest that the whole blob must have, as `casync digest` prints it; checked before the
    target is published."""
    verify: Literal["fetched", "written", "all"] = "fetched"
    """What is checked: every chunk before it is written; also everything that was written, by
    reading it back; or the whole target. A seed's chunks are checked in any case."""
    durability: Literal["full", "rename", "none"] = "full"
    """What survives a power cut: `full` syncs the target before it is published and its folder
    after; `rename` leaves the folder to the system; `none` syncs nothing."""
    in_place: Flag = False
    """Whether the target itself is changed, keeping what is already right in it, instead of
    being replaced by a complete new file at the end. Block devices need this."""
    direct_io: Flag = False
    """Whether the target is written past the page cache, as befits a partition that is large beside
    the memory; where its file system has no direct writes, this is said and it is written
    without."""

    def access(self) -> Access:
        return access(
            reads=[self.index],
            writes=[self.target],
            uses_stores=[*self.stores, self.cache],
            uses_seeds=self.seeds,
        )
