"""Indexes of operations about many: named one by one, or all that are below some places."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from desync_jobs.execute.index_places import listed_indexes, read_listed
from desync_jobs.execute.indexes import need_index
from desync_jobs.execute.opening import open_place_of_indexes
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index, parse_index
from desync_jobs.manifest.roots import IndexesBelowSpec
from desync_jobs.stores.objects.base import ObjectPlace


class Indexed(Protocol):
    """A spec of an operation about some indexes."""

    @property
    def indexes(self) -> Sequence[str]:
        """Single ones."""
        ...

    @property
    def roots(self) -> Sequence[IndexesBelowSpec]:
        """Places full of them."""
        ...


S = TypeVar("S", bound=Indexed)


@dataclass(frozen=True, slots=True, eq=False)
class ReadIndex:
    """An index that was read and checked."""

    name: str
    """As the manifest has it, or below a place, its name there."""
    index: Index
    digest: str
    """SHA-256 of the file, in hex."""


def read_index_set(task: Task[S]) -> Iterator[ReadIndex]:
    """Yield every index of the operation; only one is in memory at a time.

    One below a place is called by that and its name there. Raises where one cannot be found, read
    or parsed.
    """
    for root in task.spec.roots:
        for one in indexes_below(task, root):
            yield ReadIndex(f"{root.url}: {one.name}", one.index, one.digest)
    for text in task.spec.indexes:
        found = need_index(task, text)
        yield ReadIndex(text, found.index, found.file_digest)


def indexes_below(task: Task[Any], root: IndexesBelowSpec) -> Iterator[ReadIndex]:
    """Yield every index below a place by name, as `read_below` does, one at a time."""
    place = open_place_of_indexes(task, root.url)
    for one in listed_indexes(place, root):
        task.machine.cancel.check()
        yield read_below(place, one.name, root.url)


def read_below(place: ObjectPlace, name: str, url: str) -> ReadIndex:
    """Read the index called `name` that was listed in `place`, which the manifest calls `url`.

    Raises `StoreError` where it cannot be had, and `IndexFormatError` where it breaks a rule.
    """
    data = read_listed(place, name, url)
    return ReadIndex(name, parse_index(data, f"{url}: {name}"), hashlib.sha256(data).hexdigest())
