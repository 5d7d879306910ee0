"""`make`: cut blobs into chunks, write their indexes, and keep the chunks in a store."""

import os
from typing import Final, Literal

from pydantic import ConfigDict

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import DEFAULT_SIZES, CutMode
from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.chunk_size import ChunkSize
from desync_jobs.manifest.globs import FileGlobs, is_pattern, without_patterns
from desync_jobs.manifest.index_places import PlaceOfIndexes, below
from desync_jobs.manifest.indexes import SUFFIX, IndexStream
from desync_jobs.manifest.paths import StreamPath, url_scheme

WAYS: Final = (("blob", "index"), ("blobs", "indexes"))
"""The two ways to say what is cut, and where its index goes."""


class MakeSpec(OperationBase):
    """Cut one blob or many into chunks, write their indexes, and keep the chunks in a store."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": list(keys)} for keys in WAYS]}
    )

    kind: Literal["make"]
    """Makes indexes, and fills a store."""
    blob: StreamPath | None = None
    """The file or block device to cut; `-` is standard input."""
    index: IndexStream | None = None
    """The index to write; `-` is standard output."""
    blobs: FileGlobs = ()
    """Many blobs instead of one: a file or block device, or a pattern of files like `images/*.img`,
    or a list of these. Those that a pattern stands for are sorted; directories and what is called
    `.caibx` are not among them. An index appears as soon as the chunks of its blob are stored."""
    indexes: PlaceOfIndexes | None = None
    """The directory or URL for the indexes of `blobs`; each has its blob's name and `.caibx`."""
    store: str | None = None
    """The store that keeps the chunks; without one, only the indexes are made."""
    chunk_size: ChunkSize = DEFAULT_SIZES
    """Shortest, average and longest chunk as `MIN:AVG:MAX`, or `AVG` alone for limits of a
    quarter and four times that. Blobs share chunks only where these are the same."""
    cut: CutMode = CutMode.CASYNC
    """Whose cut points: `casync` for those of casync and of desync since 1.1, `desync-1.0` for
    those of older releases."""
    digest: DigestAlgorithm = DigestAlgorithm.SHA512_256
    """The digest that names the chunks; it is recorded in the index."""

    @property
    def several(self) -> bool:
        """Whether this is about any number of blobs, and not just one."""
        return self.blob is None

    @property
    def listed(self) -> tuple["OneMakeSpec", ...]:
        """What is to be done with the blobs that are known without looking for files."""
        if self.blob is not None and self.index is not None:
            return (self.of_one(self.blob, self.index),)
        return tuple(self.of_one(path, self.beside(path)) for path in without_patterns(self.blobs))

    def beside(self, blob: str) -> str:
        """Return where in `indexes` the index of `blob` goes."""
        return below(self.indexes or os.curdir, os.path.basename(blob) + SUFFIX)

    def of_one(self, blob: str, index: str) -> "OneMakeSpec":
        """Return what is to be done with one blob."""
        given = dict(self) | {"blob": blob, "index": index, "blobs": (), "indexes": None}
        return OneMakeSpec.model_construct(**given)

    def access(self) -> Access:
        listed = self.listed
        patterns = [text for text in self.blobs if is_pattern(text)]
        # What a place elsewhere gets is not looked for by patterns.
        here = url_scheme(self.indexes or "") in (None, "file")
        return access(
            reads=[one.blob for one in listed],
            writes=[one.index for one in listed],
            adds_to=[self.store],
            reads_matching=patterns,
            writes_matching=[self.beside(pattern) for pattern in patterns] if here else [],
        )


class OneMakeSpec(MakeSpec):
    """The part of a `make` that is about one blob; made from it, never written down."""

    blob: StreamPath
    index: IndexStream
