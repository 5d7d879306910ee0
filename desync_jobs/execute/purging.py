"""What has been in quarantine for longer than a prune says, and goes for good."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from desync_jobs.execute.opening import open_forms, open_place_of_indexes
from desync_jobs.execute.quarantine import Held, held, stamp_of
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.prune import PruneSpec
from desync_jobs.stores.objects.base import ObjectPlace


@dataclass(frozen=True, slots=True)
class Outlived:
    """Of the quarantine of one place, what goes."""

    name: str
    """What the place is called: `store NAME`, or the URL of a root."""
    place: ObjectPlace
    objects: tuple[Held, ...]
    of: int
    """How many of the kind are in quarantine there."""

    def purge(self, planned: Collection[str]) -> int:
        """Remove what was planned to go; returns how many."""
        going = [one.place for one in self.objects if one.below in planned]
        self.place.delete(going)
        return len(going)


def outlived(
    task: Task[PruneSpec], place: ObjectPlace | None, aside: Sequence[Held], now: float
) -> Iterator[Outlived]:
    """Yield what goes of the quarantine of the store, which has `aside`, and of its roots.

    A place may be both: chunks are the store's, and everything else is a root's.
    """
    length = task.spec.quarantine_for
    if length is None:
        return
    last = stamp_of(now - length)
    forms = open_forms(task, task.spec.store)
    if place is not None:
        chunks = [one for one in aside if forms.parse(one.name)]
        old = tuple(one for one in chunks if one.stamp < last)
        yield Outlived(f"store {task.spec.store}", place, old, len(chunks))
    for url in dict.fromkeys(root.url for root in task.spec.roots):
        indexes = open_place_of_indexes(task, url)
        others = [one for one in held(indexes) if not forms.parse(one.name)]
        old = tuple(one for one in others if one.stamp < last)
        yield Outlived(url, indexes, old, len(others))
