"""How much is in a store, counted part by part."""

from dataclasses import dataclass
from typing import Any, Final

from desync_jobs.execute.engines.base import Tally, uncounted
from desync_jobs.execute.opening import Reading
from desync_jobs.execute.stock_parts import Cut, Listing, Part, estimated, parts_of
from desync_jobs.execute.task import Task

CUT: Final = Cut(least=4096, most=256)
"""Of a store whose listing is all there is to do: a part is more than reading a share is."""
_LIGHT: Final = 4
"""Chunk files that take as long to list as one does to read, so that shares are large enough."""


def counted_stock(task: Task[Any], name: str, reading: Reading) -> tuple[int, int]:
    """Return how many chunk files the store called `name` has, and their stored bytes."""
    work = Counting(name, reading)
    parts = parts_of(task, name, estimated(task, name), CUT)
    if len(parts) == 1:
        return work.open(task).do(parts[0])
    count = size = 0
    for chunks, stored in task.machine.engine.spread(task, work, parts, uncounted):
        count += chunks
        size += stored
    return count, size


def light(part: Part) -> int:
    """Return as how many chunks a part counts that is only listed."""
    return part.chunks // _LIGHT


@dataclass(frozen=True, slots=True)
class Counting:
    """Counts chunk files."""

    store: str
    reading: Reading

    def open(self, task: Task[Any]) -> "_OpenListing":
        return _OpenListing(Listing(task, self.store, self.reading))

    def chunks(self, batch: Part) -> int:
        return light(batch)


@dataclass(frozen=True, slots=True)
class _OpenListing:
    listing: Listing

    def do(self, batch: Part) -> tuple[int, int]:
        return self.listing.sizes(batch)

    def finish(self) -> Tally:
        return {}
