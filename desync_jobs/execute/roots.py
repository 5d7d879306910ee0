"""The indexes that say what chunks are needed: found, read and checked, every one of them."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from desync_jobs.errors import IndexMissingError
from desync_jobs.execute.index_places import listed_indexes, read_listed
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.opening import open_place_of_indexes
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index, parse_index
from desync_jobs.formats.marks import Keys, prefixes
from desync_jobs.manifest.operations.prune import PruneSpec
from desync_jobs.manifest.roots import RootSpec
from desync_jobs.planner.operations.prune import RootFacts
from desync_jobs.planner.retention import retained

_BLOCK: Final = 1 << 16


@dataclass(slots=True)
class Needed:
    """The chunks that indexes need, gathered."""

    keys: Keys = field(default_factory=lambda: np.empty(0, np.uint64))
    """Prefixes of their IDs, in ascending order, each once."""

    def add(self, index: Index) -> None:
        """Count what `index` has."""
        runs = index.rows.run_ids
        blocks = [prefixes(runs[at : at + _BLOCK]) for at in range(0, len(runs), _BLOCK)]
        self.keys = np.unique(np.concatenate([self.keys, *blocks]))


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

    Raises where one cannot be found, read or parsed: then nobody knows what it needs.
    """
    spec = task.spec
    found = [_read_place(task, root, needed, expiry) for root in spec.roots]
    if spec.indexes:
        found.append(RootFacts("indexes", dict(_read_named(task, needed))))
    return tuple(found)


def read_published(task: Task[Any], urls: tuple[str, ...], needed: Needed) -> None:
    """Read indexes that were published lately; those that are gone again need nothing."""
    for url in urls:
        found = find_index(task, url)
        if found is not None:
            needed.add(found.index)


def _read_named(task: Task[PruneSpec], needed: Needed) -> Iterator[tuple[str, str]]:
    for text in task.spec.indexes:
        found = find_index(task, text)
        if found is None:
            raise IndexMissingError(f"{task.path(text)}: index does not exist; nothing is removed")
        needed.add(found.index)
        yield text, found.file_digest


def _read_place(task: Task[PruneSpec], root: RootSpec, needed: Needed, expiry: Expiry) -> RootFacts:
    place = open_place_of_indexes(task, root.url)
    found = listed_indexes(place, root)
    kept = retained(found, root, expiry.now)
    digests = {}
    for one in found:
        task.machine.cancel.check()
        if one.name in kept or not expiry.allows(root.url, one.name):
            data = read_listed(place, one.name, root.url)
            needed.add(parse_index(data, f"{root.url}: {one.name}"))
            digests[one.name] = hashlib.sha256(data).hexdigest()
    expired = tuple(one.name for one in found if one.name not in digests)
    return RootFacts(root.url, digests, expired)
