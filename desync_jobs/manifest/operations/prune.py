"""`prune`: remove what no index needs from a store."""

from typing import Literal

from pydantic import ConfigDict

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.indexes import IndexFile
from desync_jobs.manifest.quantities import Duration
from desync_jobs.manifest.roots import RootSpec
from desync_jobs.manifest.scalars import Flag


class PruneSpec(OperationBase):
    """Remove the chunks of a store that no index needs.

    What is garbage is marked in the store, and goes when a later run still finds it so after
    `grace`. Nothing is removed where an index cannot be read, where there is none, or where the
    store has no chunk of any: then it is the wrong store, or the wrong indexes.
    """

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["roots"]}, {"required": ["indexes"]}]}
    )

    kind: Literal["prune"]
    """Removes what no index needs."""
    store: str
    """The store."""
    roots: tuple[RootSpec, ...] = ()
    """Places full of indexes."""
    indexes: tuple[IndexFile, ...] = ()
    """Single indexes whose chunks are kept too."""
    grace: Duration | None = None
    """How long chunks stay that nobody needs, or that are new, by default `24h`. `0s` removes
    everything at once that no index needs now: only where nobody publishes meanwhile but programs
    that heed leases."""
    quarantine: Flag = False
    """Whether chunks and indexes are put aside in the store instead of being removed; `unprune`
    brings them back."""
    quarantine_for: Duration | None = None
    """How long what was put aside stays before it is removed for good; for ever without it."""

    def access(self) -> Access:
        return access(reads=list(self.indexes), uses_stores=[self.store], deletes_from=[self.store])
