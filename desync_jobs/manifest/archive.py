"""An archive to read: a file, standard input, or the chunks of one by their index."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import ConfigDict

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import Found
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.paths import StreamPath
from desync_jobs.manifest.sources import SourcesSpec

ARCHIVE_SUFFIX: Final = ".caidx"
"""What the name of an archive's index ends in."""
WAYS: Final[tuple[dict[str, Any], ...]] = (
    {"required": ["archive"]},
    {"required": ["index", "stores"]},
)
"""The ways to give an archive, as a JSON Schema has them."""


class ArchiveSpec(SourcesSpec):
    """What every operation has that reads an archive."""

    model_config = ConfigDict(json_schema_extra={"oneOf": list(WAYS)})

    archive: StreamPath | None = None
    """The archive (catar); `-` is standard input."""
    index: IndexStream | None = None
    """The index (caidx) of the archive instead, whose chunks are taken from `stores`; `-` is
    standard input."""

    def archive_access(
        self,
        *,
        reads: tuple[str | None, ...] = (),
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

    def contradictions(self) -> Iterator[Found]:
        if (self.archive is None) == (self.index is None):
            yield (), "give either archive, or index with stores"
        else:
            yield from self.source_contradictions(indexed=self.index is not None)
