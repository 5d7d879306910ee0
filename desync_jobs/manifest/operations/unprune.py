"""`unprune`: bring back what `prune` put aside."""

from typing import Literal

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.index_places import PlaceOfIndexes


class UnpruneSpec(OperationBase):
    """Bring back the chunks and indexes that `prune` put into quarantine.

    What has been stored again meanwhile stays as it is; an index that would take its place stays in
    quarantine, and so does one of which the store lacks chunks.
    """

    kind: Literal["unprune"]
    """Brings back what was put aside."""
    store: str
    """The store."""
    indexes_of: tuple[PlaceOfIndexes, ...] = ()
    """Places whose indexes are brought back too, after the chunks."""

    def access(self) -> Access:
        return access(adds_to=[self.store])
