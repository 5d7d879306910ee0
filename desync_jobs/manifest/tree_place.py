"""One of two trees that are compared."""

from pydantic import ConfigDict

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.indexes import IndexStream
from desync_jobs.manifest.paths import FilePath, StreamPath


class TreePlaceSpec(Spec):
    """Where a tree is: an archive, the index of one, or a directory."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [key]} for key in ("archive", "index", "directory")]
        }
    )

    archive: StreamPath | None = None
    """The archive (catar); `-` is standard input."""
    index: IndexStream | None = None
    """The index (caidx) of an archive, whose chunks are taken from the operation's `stores`; `-` is
    standard input."""
    directory: FilePath | None = None
    """A directory: what an archive of it would have."""

    @property
    def ways(self) -> int:
        """In how many of the three ways it is given."""
        return sum(one is not None for one in (self.archive, self.index, self.directory))
