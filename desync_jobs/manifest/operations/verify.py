"""`verify`: check every chunk of a store."""

from typing import Literal

from desync_jobs.manifest.access import Access, access
from desync_jobs.manifest.base import OperationBase
from desync_jobs.manifest.scalars import Flag


class VerifySpec(OperationBase):
    """Check that every chunk of a store still has the digest in its name."""

    kind: Literal["verify"]
    """Checks a store."""
    store: str
    """The store or cache to check."""
    repair: Flag = False
    """Whether invalid chunks are removed, so that they can be stored again; also unfinished files
    of writers that were killed more than a day ago."""
    digest: Literal["auto", "sha512-256", "sha256"] = "auto"
    """The digest that names the chunks; `auto` accepts either."""

    def access(self) -> Access:
        return access(
            uses_stores=[self.store],
            deletes_from=[self.store] if self.repair else [],
        )
