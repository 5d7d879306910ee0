"""Where chunks come from: stores, a cache before them, seeds."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Final

from desync_jobs.manifest.base import Found, OperationBase
from desync_jobs.manifest.paths import FilePath
from desync_jobs.manifest.scalars import Flag

_OF_AN_INDEX: Final = ("stores", "cache", "chunks_info", "seeds")
"""Keys that say where the chunks of an index come from."""


class SourcesSpec(OperationBase):
    """What every operation has that may read an archive from its index."""

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

    @abstractmethod
    def contradictions(self) -> Iterator[Found]:
        """Yield what is wrong with the keys of this operation together."""

    def source_contradictions(self, *, indexed: bool) -> Iterator[Found]:
        """Yield what is wrong with these keys where something is `indexed`, or nothing is."""
        return source_contradictions(self, indexed=indexed)


def source_contradictions(spec: OperationBase, *, indexed: bool) -> Iterator[Found]:
    """Yield what is wrong with the keys that `spec` has for the chunks of an index."""
    if indexed and not getattr(spec, "stores", ()):
        yield ("stores",), "missing; the chunks of an index are in stores"
    for key in () if indexed else _OF_AN_INDEX:
        if getattr(spec, key, None):
            yield (key,), "is for the chunks of an index, which is not given; leave it out"
