"""An archive to read: a file, standard input, or the chunks of one by their index."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import ConfigDict

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.paths import FilePath, StreamPath
from desync_jobs.manifest.scalars import Flag

_OF_AN_INDEX: Final = ("stores", "cache", "chunks_info", "seeds")
"""Keys that say where the chunks of an index come from."""
_WAYS: Final[tuple[dict[str, Any], ...]] = (
    {"required": ["archive"]},
    {"required": ["index", "stores"]},
)


class ArchiveSpec(OperationBase):
    """What every operation has that reads an archive."""

    model_config = ConfigDict(json_schema_extra={"oneOf": list(_WAYS)})

    archive: StreamPath | None = None
    """The archive (catar); `-` is standard input."""
    index: IndexStream | None = None
    """The index (caidx) of the archive instead, whose chunks are taken from `stores`; `-` is
    standard input."""
    stores: tuple[str, ...] = ()
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

    def archive_access(
        self,
        *,
        reads: tuple[str, ...] = (),
        writes: tuple[str, ...] = (),
        plants: tuple[str, ...] = (),
    ) -> Access:
        """Say what reading the archive touches, with what else is read and written."""
        return access(
            reads=[self.archive, self.index, self.chunks_info, *reads],
            writes=writes,
            plants=plants,
            uses_stores=[*self.stores, self.cache],
            uses_seeds=self.seeds,
        )


def archive_problems(spec: ArchiveSpec) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with what `spec` says it reads: the key, and a message."""
    if (spec.archive is None) == (spec.index is None):
        yield (), "give either archive, or index with stores"
    elif spec.index is not None:
        if not spec.stores:
            yield ("stores",), "missing; the chunks of an index are in stores"
    else:
        for key in _OF_AN_INDEX:
            if getattr(spec, key):
                yield (key,), "is for the chunks of an index, and an archive is whole; leave it out"
