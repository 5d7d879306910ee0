"""A tree to read: an archive, the index of one, or a directory as its archive would have it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from pydantic import ConfigDict

from desync_jobs.manifest.access import Access
from desync_jobs.manifest.archive import WAYS, ArchiveSpec
from desync_jobs.manifest.base import Found, OperationBase
from desync_jobs.manifest.kept import KeptSpec
from desync_jobs.manifest.paths import FilePath

_OF_ALL: Final = (*OperationBase.model_fields, "digest")
TREE_WAYS: Final[tuple[dict[str, Any], ...]] = (*WAYS, {"required": ["directory"]})
"""The ways to give a tree, as a JSON Schema has them."""
OF_A_DIRECTORY: Final = tuple(key for key in KeptSpec.model_fields if key not in _OF_ALL)


class TreeSpec(KeptSpec, ArchiveSpec):
    """What every operation has that reads a tree."""

    model_config = ConfigDict(json_schema_extra={"oneOf": list(TREE_WAYS)})

    directory: FilePath | None = None
    """A directory instead: what an archive of it would have, made as `tar` makes it."""

    def tree_access(
        self, *, reads: tuple[str | None, ...] = (), writes: tuple[str, ...] = ()
    ) -> Access:
        """Say what reading the tree touches, with what else is read and written."""
        trees = () if self.directory is None else (self.directory,)
        return replace(self.archive_access(reads=reads, writes=writes), reads_trees=trees)

    def contradictions(self) -> Iterator[Found]:
        if sum(one is not None for one in (self.archive, self.index, self.directory)) != 1:
            yield (), "give either archive, or index with stores, or directory"
            return
        yield from self.source_contradictions(indexed=self.index is not None)
        if self.directory is None:
            yield from self.directory_contradictions((*OF_A_DIRECTORY, "digest"))

    def directory_contradictions(self, keys: Iterable[str]) -> Iterator[Found]:
        """Yield each of `keys` that is given, where no directory is read."""
        for key in keys:
            if key in self.model_fields_set:
                yield (key,), "is for a directory, and none is read; leave it out"
