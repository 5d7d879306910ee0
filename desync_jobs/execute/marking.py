"""The mark of `prune`: what of a store is garbage, found out part by part wherever there is room.

A part is listed and held against what is needed of it in one place, so that nobody has all of a
store in memory; what is kept are those chunk files that go, and the marks of those that wait.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from desync_jobs.execute.engines.base import Tally, uncounted
from desync_jobs.execute.needed import PARTS, Needed, bounds
from desync_jobs.execute.opening import Reading
from desync_jobs.execute.stock_counting import CUT, light
from desync_jobs.execute.stock_parts import FOLDERS, Listing, Part, estimated, parts_of
from desync_jobs.execute.task import Task
from desync_jobs.formats.marks import Keys, Marks
from desync_jobs.planner.garbage import NO_STOCK, Contents, Sifted, Stock, join_stock, sort_out

_EACH: Final = FOLDERS // PARTS


@dataclass(frozen=True, slots=True, eq=False)
class MarkPart:
    """A part of a store, and what counts for it."""

    part: Part
    needed: Keys
    marks: Marks


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """What becomes of a part."""

    count: int
    """Chunk files of it."""
    needed: int
    going: Stock
    marks: Marks
    digests: tuple[tuple[int, bytes], ...]
    """Of its files by the first byte of their IDs."""


@dataclass(frozen=True, slots=True)
class Marking:
    """Lists parts of a store, and sorts them."""

    store: str
    reading: Reading
    now: float
    grace: float

    def open(self, task: Task[Any]) -> "_OpenMarking":
        return _OpenMarking(self, Listing(task, self.store, self.reading))

    def chunks(self, batch: MarkPart) -> int:
        return light(batch.part)


@dataclass(frozen=True, slots=True)
class _OpenMarking:
    work: Marking
    listing: Listing

    def do(self, batch: MarkPart) -> Marked:
        stock = self.listing.stock(batch.part)
        found = sort_out(stock, batch.needed, batch.marks, self.work.now, self.work.grace)
        going = stock.only(found.deleted)
        return Marked(len(stock), found.needed, going, found.marks, tuple(_digests(stock)))

    def finish(self) -> Tally:
        return {}


def mark(task: Task[Any], work: Marking, needed: Needed, marks: Marks) -> Sifted:
    """Return what becomes of the chunk files of a store, by what is needed and marked already."""
    known = needed.contents().count + len(marks.keys)
    parts = parts_of(task, work.store, max(known, estimated(task, work.store)), CUT)
    batches = _batches(parts, needed, marks)
    if len(parts) == 1:
        return _joined(map(work.open(task).do, batches))
    return _joined(task.machine.engine.spread(task, work, batches, uncounted))


def _batches(parts: list[Part], needed: Needed, marks: Marks) -> Iterator[MarkPart]:
    at = bounds(marks.keys)
    for part in parts:
        first, last = part.first // _EACH, part.last // _EACH
        begin, end = at[first], at[last]
        some = Marks(marks.keys[begin:end], marks.since[begin:end])
        yield MarkPart(part, needed.between(first, last), some)


def _joined(found: Iterator[Marked]) -> Sifted:
    count = needed = 0
    going, keys, since = [NO_STOCK], [], []
    digest = hashlib.sha256()
    for one in found:
        count += one.count
        needed += one.needed
        going.append(one.going)
        keys.append(one.marks.keys)
        since.append(one.marks.since)
        for number, part in one.digests:
            digest.update(bytes([number]) + part)
    marks = Marks(np.concatenate(keys), np.concatenate(since))
    return Sifted(Contents(count, digest.hexdigest()), join_stock(going), marks, needed)


def _digests(stock: Stock) -> Iterator[tuple[int, bytes]]:
    """Yield a digest of all files whose IDs begin with a byte: the same in parts of any size."""
    at = np.searchsorted(stock.ids[:, 0], np.arange(PARTS + 1))
    for number in range(PARTS):
        begin, end = at[number], at[number + 1]
        if begin < end:
            digest = hashlib.sha256(np.ascontiguousarray(stock.ids[begin:end]).data)
            for array in (stock.compressed, stock.sizes, stock.modified):
                digest.update(np.ascontiguousarray(array[begin:end]).data)
            yield number, digest.digest()
