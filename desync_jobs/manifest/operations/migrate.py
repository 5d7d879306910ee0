"""`migrate`: copy the chunks of a store into another, in its form, and indexes after them."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.core.sizes import CutMode
from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import Found, OperationBase
from desync_jobs.manifest.chunk_size import ChunkSize
from desync_jobs.manifest.index_places import PlaceOfIndexes
from desync_jobs.manifest.indexes import IndexFile
from desync_jobs.manifest.paths import FilePath
from desync_jobs.manifest.roots import IndexesBelowSpec
from desync_jobs.manifest.scalars import Flag


class MigrateSpec(OperationBase):
    """Copy chunks of one store into another, as that keeps them, and then the indexes.

    All chunks, or those of `roots` and `indexes`. What the other store has is not copied, so that a
    run that was stopped goes on, and one that is repeated every night copies what is new. Every
    chunk is held against its ID on its way, and every index appears after all of its chunks.
    """

    kind: Literal["migrate"]
    """Copies chunks and indexes, and converts them."""
    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores to take chunks from; a chunk that is missing in one is looked for in the next. All
    chunks, without `roots` and `indexes`, can be those of one store."""
    store: str
    """The store to fill; it says how chunks are compressed and encrypted. It may be another
    declaration of the same place, for example with another key."""
    roots: tuple[IndexesBelowSpec, ...] = ()
    """Places full of indexes, whose chunks are wanted."""
    indexes: tuple[IndexFile, ...] = ()
    """Single indexes whose chunks are wanted."""
    indexes_to: PlaceOfIndexes | None = None
    """The directory or URL that gets these indexes: those of `roots` under the names that they have
    below them, others under the last part of theirs. Without it none is written."""
    remove_gone: Flag = False
    """Whether indexes are removed from `indexes_to` that `roots` could have and have not: then it
    is a mirror. Their chunks are left to `prune`."""
    digest: DigestAlgorithm | None = None
    """Gives chunks the names of this digest, and rewrites the indexes."""
    chunk_size: ChunkSize | None = None
    """Cuts the blobs of the indexes anew, into chunks of these sizes: `MIN:AVG:MAX`, or `AVG`
    alone."""
    cut: CutMode = CutMode.CASYNC
    """Whose cut points blobs have that are cut anew: `casync` for those of casync and of desync
    since 1.1, `desync-1.0` for those of older releases."""
    recompress: Flag = False
    """Whether chunks that are zstd already are compressed again, at the `level` of the store; they
    are copied as they are otherwise."""
    rewrite: Flag = False
    """Whether chunks that the store has in another form than its own are rewritten: casync's xz and
    gzip as zstd, plain ones compressed, or the other way. All that are there are read for that."""
    read_back: Flag = False
    """Whether every chunk that was stored is read again, and compared."""
    id_map: FilePath | None = None
    """A file of the old and the new ID of every chunk, for `digest`. The next run takes the new IDs
    from it, and reads only chunks that it does not have."""
    progress: FilePath | None = None
    """A file that says, while all chunks of a store are copied, how far that is: a run that was
    stopped is planned without asking for what it has copied. What a `prune` has removed since is
    copied again. The file is removed at the end."""
    report: FilePath | None = None
    """A file that says, in JSON, what was migrated: it depends on nothing but the source, so that
    two runs write the same. With `chunk_size`, what it has is not done again."""
    chunks_info: FilePath | None = None
    """A file written by `inspect-chunks`: tells a preview the stored sizes that a store cannot."""

    @property
    def selective(self) -> bool:
        """Whether indexes say which chunks are wanted."""
        return bool(self.roots or self.indexes)

    def access(self) -> Access:
        return access(
            reads=[*self.indexes, self.chunks_info],
            writes=[one for one in (self.id_map, self.report, self.progress) if one is not None],
            uses_stores=self.stores,
            adds_to=[self.store],
        )

    def contradictions(self) -> Iterator[Found]:
        """Yield what is wrong with the keys of this operation together."""
        yield from self._chosen() if self.selective else self._all()
        if self.remove_gone and not (self.roots and self.indexes_to is not None):
            yield ("remove_gone",), "is for roots whose indexes go to indexes_to"
        if self.remove_gone and self.indexes:
            yield ("remove_gone",), "removes what no root has; list no single indexes then"
        yield from self._forms()

    def _all(self) -> Iterator[Found]:
        if len(self.stores) > 1:
            yield ("stores",), "all chunks can be copied of one store; name indexes or roots"
        for key in ("indexes_to", "chunk_size"):
            if getattr(self, key) is not None:
                yield (key,), "is for indexes; name roots or indexes"
        if self.digest is not None and self.id_map is None:
            yield ("id_map",), "missing; without indexes, nothing else says what became of IDs"

    def _chosen(self) -> Iterator[Found]:
        if self.progress is not None:
            yield ("progress",), "is for all chunks of a store; indexes say which, leave it out"
        if self.indexes_to is None and (self.digest or self.chunk_size):
            yield ("indexes_to",), "missing; the indexes are rewritten, and go there"

    def _forms(self) -> Iterator[Found]:
        if self.rewrite:
            for key in ("digest", "chunk_size"):
                if getattr(self, key) is not None:
                    yield ("rewrite",), f"is of no use with {key}, which makes other chunks"
            if self.recompress:
                message = "does not go with rewrite: what has been done could not be told"
                yield ("recompress",), message
        if self.id_map is not None and (self.digest is None or self.chunk_size is not None):
            yield ("id_map",), "is for digest alone: only then each chunk has one new ID"
        if self.chunk_size is not None:
            try:
                self.chunk_size.check(self.cut)
            except ValueError as error:
                yield ("chunk_size",), str(error)
