"""`extract`: assemble blobs from their indexes and the chunks in stores."""

import os
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.blob import BlobSpec
from desync_jobs.manifest.digests import BlobDigest
from desync_jobs.manifest.globs import IndexGlobs, is_pattern, without_patterns
from desync_jobs.manifest.indexes import SUFFIX, IndexStream, index_name
from desync_jobs.manifest.paths import FilePath
from desync_jobs.manifest.scalars import Flag

WAYS: Final = (("index", "target"), ("blobs",), ("indexes", "targets"))
"""The three ways to say what is extracted where."""


class ExtractSpec(OperationBase):
    """Assemble one blob or several from their indexes and the chunks in stores."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": list(keys)} for keys in WAYS]}
    )

    kind: Literal["extract"]
    """Writes the blob that an index describes, or several."""
    index: IndexStream | None = None
    """The index of the blob; `-` is standard input."""
    target: FilePath | None = None
    """The file or block device to write."""
    blobs: tuple[BlobSpec, ...] = ()
    """Several blobs instead of one, each with its `index` and `target`. They are extracted in
    order, and what one has is not fetched for another."""
    indexes: IndexGlobs = ()
    """The indexes of several blobs instead of one: a file, a URL or a pattern of files like
    `images/*.caibx`, or a list of these. Those that a pattern stands for are sorted."""
    targets: FilePath | None = None
    """The directory for the blobs of `indexes`; each has its index's name without `.caibx`."""
    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores to take chunks from; a chunk that is missing in one is looked for in the next."""
    cache: str | None = None
    """The cache that is asked first, and filled with what the stores deliver."""
    cache_repair: Flag = True
    """Whether an invalid chunk in the cache is fetched again and replaced; otherwise it is an
    error."""
    chunks_info: FilePath | None = None
    """A file written by `inspect-chunks`: tells a preview the stored sizes that a store cannot."""
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

    @property
    def several(self) -> bool:
        """Whether this is about any number of blobs, and not just one."""
        return self.index is None

    @property
    def listed(self) -> tuple[BlobSpec, ...]:
        """The blobs that are known without looking for files."""
        if self.index is not None and self.target is not None:
            return (_blob(self.index, self.target, self.blob_digest),)
        named = without_patterns(self.indexes)
        return (*self.blobs, *(_blob(path, self.beside(path)) for path in named))

    def beside(self, index: str) -> str:
        """Return where in `targets` the blob of `index` goes."""
        return os.path.join(self.targets or "", index_name(index).removesuffix(SUFFIX))

    def of_one(self, blob: BlobSpec) -> "OneExtractSpec":
        """Return what is to be done with one blob."""
        given = dict(self) | dict(blob) | {"blobs": (), "indexes": (), "targets": None}
        return OneExtractSpec.model_construct(**given)

    def access(self) -> Access:
        listed = self.listed
        patterns = [text for text in self.indexes if is_pattern(text)]
        return access(
            reads=[*(blob.index for blob in listed), self.chunks_info],
            writes=[blob.target for blob in listed],
            uses_stores=[*self.stores, self.cache],
            uses_seeds=self.seeds,
            reads_matching=patterns,
            writes_matching=[self.beside(pattern) for pattern in patterns],
        )


class OneExtractSpec(ExtractSpec):
    """The part of an `extract` that is about one blob; made from it, never written down."""

    index: IndexStream
    target: FilePath


def _blob(index: str, target: str, blob_digest: str | None = None) -> BlobSpec:
    # What this is made of was validated.
    return BlobSpec.model_construct(index=index, target=target, blob_digest=blob_digest)
