"""`verify-chunks`: whether stores have every chunk of some indexes."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexFile
from desync_jobs.manifest.paths import StreamPath
from desync_jobs.manifest.roots import IndexesBelowSpec
from desync_jobs.manifest.scalars import Flag


class VerifyChunksSpec(OperationBase):
    """Check that stores have every chunk of some indexes, before anybody is told of these."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["roots"]}, {"required": ["indexes"]}]}
    )

    kind: Literal["verify-chunks"]
    """Checks that nothing is missing."""
    indexes: tuple[IndexFile, ...] = ()
    """Single indexes."""
    roots: tuple[IndexesBelowSpec, ...] = ()
    """Places full of indexes."""
    stores: Annotated[tuple[str, ...], Field(min_length=1)]
    """Stores and failover groups that are to have the chunks; one that is missing in the first is
    looked for in the next."""
    content: Flag = False
    """Whether every chunk is fetched and checked too; otherwise stores are only asked for it."""
    report: StreamPath | None = None
    """The file to write a JSON list of the chunks to that are missing, damaged, or of which a store
    cannot tell; `-` is standard output."""

    def access(self) -> Access:
        return access(
            reads=list(self.indexes),
            writes=[] if self.report is None else [self.report],
            uses_stores=self.stores,
        )
