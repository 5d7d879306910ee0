"""The indexes that say what chunks are needed: found, read and checked, every one of them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import DesyncRunError, IndexMissingError, InterruptedRunError
from desync_jobs.execute.engines.base import Tally, uncounted
from desync_jobs.execute.index_set import read_below
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.kept_roots import Kept, kept_below
from desync_jobs.execute.needed import PARTS, Needed, keys_of
from desync_jobs.execute.opening import open_place_of_indexes
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.formats.marks import Keys
from desync_jobs.manifest.index_places import below
from desync_jobs.manifest.operations.prune import PruneSpec
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.manifest.roots import RootSpec
from desync_jobs.planner.operations.prune import RootFacts
from desync_jobs.planner.retention import FoundIndex
from desync_jobs.stores.objects.base import ObjectPlace

_TOGETHER: Final = 1 << 20
"""Bytes of indexes that are read together; one that is larger is read by itself."""
_ROW: Final = 40
"""Bytes of an index for each of its chunks."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Which indexes may be taken for expired."""

    now: float
    planned: Mapping[str, tuple[str, ...]] | None = None
    """Those that it was planned to remove, by their place; None before anything is planned. What
    is not removed is needed, whatever the rules say."""

    def allows(self, url: str, name: str) -> bool:
        """Whether an index that no rule keeps is expired."""
        return self.planned is None or name in self.planned.get(url, ())


def read_roots(task: Task[PruneSpec], needed: Needed, expiry: Expiry) -> tuple[RootFacts, ...]:
    """Read every index that `needed` is to have; what else is found is expired.

    Raises where one cannot be found, read or parsed: then nobody knows what it needs. The error is
    that of the first one, by place and name, whoever reads them.
    """
    spec = task.spec
    kept = kept_below(task, expiry.now)
    found = [
        _read_place(task, root, one, needed, expiry)
        for root, one in zip(spec.roots, kept, strict=True)
    ]
    if spec.indexes:
        found.append(RootFacts("indexes", dict(_read_named(task, needed))))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Lately:
    """What is needed for nothing but indexes that were published lately."""

    chunks: int = 0
    indexes: tuple[str, ...] = ()
    """The URLs of those that need them."""


def read_published(
    task: Task[PruneSpec], urls: tuple[str, ...], needed: Needed, roots: Iterable[RootFacts]
) -> Lately:
    """Read indexes that were published lately; those that are gone again need nothing.

    `needed` has what is needed besides, by the indexes of `roots` too, which are not read again,
    and gets what they need.
    """
    more = Needed()
    indexes = []
    wanted = dict.fromkeys(urls)
    for url in _read_already(task, roots) if wanted else ():
        wanted.pop(url, None)
    for url in wanted:
        task.machine.cancel.check()
        found = find_index(task, url)
        if found is not None:
            keys = needed.lacking(keys_of([found.index]))
            if len(keys):
                more.add(keys)
                indexes.append(url)
    needed.add(more.between(0, PARTS))
    return Lately(more.contents().count, tuple(indexes))


def _read_already(task: Task[PruneSpec], roots: Iterable[RootFacts]) -> Iterator[str]:
    """Yield the URLs of what was read for roots, as most publishers write them."""
    yield from map(task.path, task.spec.indexes)
    for root in roots:
        place = task.path(root.url)
        if url_scheme(place):
            for name in root.kept:
                yield below(place, name)


def _read_named(task: Task[PruneSpec], needed: Needed) -> Iterator[tuple[str, str]]:
    for text in task.spec.indexes:
        found = find_index(task, text)
        if found is None:
            raise IndexMissingError(f"{task.path(text)}: index does not exist; nothing is removed")
        needed.add(keys_of([found.index]))
        yield text, found.file_digest


def _read_place(
    task: Task[PruneSpec], root: RootSpec, kept: Kept, needed: Needed, expiry: Expiry
) -> RootFacts:
    found = kept.found
    wanted = [
        one for one in found if one.name in kept.names or not expiry.allows(root.url, one.name)
    ]
    digests: dict[str, str] = {}
    work = RootReading(root.url)
    for read in task.machine.engine.spread(task, work, _batches(wanted), uncounted):
        if isinstance(read, DesyncRunError):
            raise read
        needed.add(read.keys)
        digests.update(read.digests)
    expired = tuple(one.name for one in found if one.name not in digests)
    return RootFacts(root.url, digests, expired)


def _batches(indexes: Iterable[FoundIndex]) -> Iterator[list[FoundIndex]]:
    """Yield neighbours that are read together."""
    batch: list[FoundIndex] = []
    size = 0
    for one in indexes:
        if batch and size + one.size > _TOGETHER:
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch


@dataclass(frozen=True, slots=True, eq=False)
class IndexesRead:
    """What came of reading some indexes."""

    digests: dict[str, str]
    """The SHA-256 of each, by its name."""
    keys: Keys
    """Of all chunks that they have."""


@dataclass(frozen=True, slots=True)
class RootReading:
    """Reads indexes of a place."""

    url: str

    def open(self, task: Task[Any]) -> "_OpenRoot":
        return _OpenRoot(self.url, task.machine.cancel, open_place_of_indexes(task, self.url))

    def chunks(self, batch: list[FoundIndex]) -> int:
        return sum(one.size for one in batch) // _ROW


@dataclass(frozen=True, slots=True)
class _OpenRoot:
    url: str
    cancel: Cancel
    place: ObjectPlace
    alone: Lock = field(default_factory=Lock)
    """Had by who reads a large index, so that no two of them are in memory."""

    def do(self, batch: list[FoundIndex]) -> IndexesRead | DesyncRunError:
        try:
            with self.alone if batch[0].size > _TOGETHER else nullcontext():
                return self._read(batch)
        except InterruptedRunError:
            raise
        except DesyncRunError as error:
            # An answer, so that nobody who reads an earlier one is called off: that is told first.
            return error

    def finish(self) -> Tally:
        return {}

    def _read(self, batch: list[FoundIndex]) -> IndexesRead:
        digests: dict[str, str] = {}

        def read(name: str) -> Index:
            self.cancel.check()
            found = read_below(self.place, name, self.url)
            digests[name] = found.digest
            return found.index

        return IndexesRead(digests, keys_of(read(one.name) for one in batch))
