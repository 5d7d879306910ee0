"""Indexes below a place, and which of those count."""

from typing import Annotated, Final

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.index_places import PlaceOfIndexes
from desync_jobs.manifest.quantities import Duration
from desync_jobs.manifest.scalars import WholeNumber

_MOST: Final = 1_000_000


class IndexesBelowSpec(Spec):
    """All indexes below a place."""

    url: PlaceOfIndexes
    """A directory relative to the job file, or a URL, that can be listed; everything below it is
    looked at."""
    include: tuple[str, ...] = ("*.caibx", "*.caidx")
    """Patterns of the names of indexes; one with a `/` is held against the whole name below `url`,
    any other against its last part."""
    exclude: tuple[str, ...] = ()
    """Patterns of names that are no indexes though they look like it."""


class RootSpec(IndexesBelowSpec):
    """All indexes below a place: what they need is kept."""

    keep_last: Annotated[int, WholeNumber(0, _MOST)] = 0
    """How many of the newest indexes are kept. With any rule of this kind, indexes that no rule
    keeps are removed, unless another root keeps them or the operation names them, and then their
    chunks. Without any, all are kept."""
    keep_daily: Annotated[int, WholeNumber(0, _MOST)] = 0
    """For how many days that have indexes the newest of the day (UTC) is kept."""
    keep_for: Duration | None = None
    """The age up to which every index is kept."""
    golden: tuple[str, ...] = ()
    """Patterns of the names of indexes that are always kept."""
    tombstones: tuple[str, ...] = ()
    """Patterns of the names of indexes that are removed whatever the other rules say, but for
    `golden`."""

    @property
    def keeps_all(self) -> bool:
        """Whether there is no rule about ages."""
        return not self.keep_last and not self.keep_daily and self.keep_for is None
