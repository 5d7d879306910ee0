"""What a run may come to at the most."""

from typing import Annotated, Final

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.policy import TimeLimit
from desync_jobs.manifest.quantities import Size
from desync_jobs.manifest.scalars import WholeNumber

_MOST_REQUESTS: Final = 10**15


class LimitsSpec(Spec):
    """What a run never passes.

    What is planned to pass a limit is not begun, and a run that takes too long is stopped in good
    order, both with exit code 8. How fast and how often places are asked is in `policy`.
    """

    max_download: Size | None = None
    """Stored bytes that may come from stores, caches left out. Where a store cannot tell sizes, the
    most that they can be counts; `chunks_info` narrows that."""
    max_requests: Annotated[int, WholeNumber(0, _MOST_REQUESTS)] | None = None
    """Questions that stores may be asked, caches left out; planning itself is not counted."""
    max_duration: TimeLimit | None = None
    """How long a run may take, planning included."""

    @property
    def on_costs(self) -> bool:
        """Whether any limit is on what planning finds out."""
        return self.max_download is not None or self.max_requests is not None
