"""The chunk files of a store in the order of their IDs, in parts that are listed by themselves.

A part is some neighbouring folders, of `0000` to `ffff`, or what S3 lists from one name to another.
A place that has neither, as a registry, and one with so few chunks that it would take longer, is
one part.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

from desync_jobs.execute.opening import Reading, open_forms, open_place_of_store, open_store
from desync_jobs.execute.stock import stock_of
from desync_jobs.execute.task import Task
from desync_jobs.planner.garbage import Stock
from desync_jobs.stores.base import ChunkStore, Foldered, StoredEntry
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.layout import is_prefix
from desync_jobs.stores.leases.held import HeldLeases
from desync_jobs.stores.objects.base import ObjectEntry, ObjectPlace, OrderedPlace

FOLDERS: Final = 1 << 16
AT_ONCE: Final = 1 << 20
"""Chunk files that are listed at once where each folder is a request: about 100 MB of memory."""
_BEHIND: Final = "g"
"""A name behind those of all folders."""
_LOOKED_INTO: Final = 64
"""Folders whose files are counted to tell how many there are in all."""


@dataclass(frozen=True, slots=True)
class Part:
    """Chunk files whose IDs are next to each other."""

    first: int
    """The number that their first two bytes are, at least."""
    last: int
    """And what that is less than."""
    chunks: int
    """About how many there are."""
    folders: tuple[str, ...] | None = None
    """Those that are listed one by one; None where the store is listed as a whole."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How many parts are made of a store."""

    least: int
    """Chunk files of a part, about."""
    most: int = FOLDERS
    """How many parts there are: a power of two."""


def parts_of(task: Task[Any], name: str, count: int, cut: Cut) -> list[Part]:
    """Return the parts of the store called `name`, the IDs ascending.

    It has about `count` chunk files.
    """
    number = 1
    while 2 * number <= cut.most and count >= 2 * number * cut.least:
        number *= 2
    folders = None if number == 1 else _folders_of(task, name, count)
    if folders is None:
        return [Part(0, FOLDERS, count)]
    width = FOLDERS // number
    listed: list[list[str]] = [[] for _ in range(number)]
    for folder in folders:
        listed[int(folder, 16) // width].append(folder)
    return [
        Part(at * width, (at + 1) * width, -(-count // number), tuple(some))
        for at, some in enumerate(listed)
    ]


def estimated(task: Task[Any], name: str) -> int:
    """Return about how many chunk files a store has that is a directory; 0 for any other."""
    directory = _directory(task, name)
    folders = [] if directory is None else [one for one in _names(directory) if is_prefix(one)]
    if not folders:
        return 0
    some = folders[:: -(-len(folders) // _LOOKED_INTO)]
    files = sum(len(_names(f"{directory}/{folder}")) for folder in some)
    return files * len(folders) // len(some)


def _folders_of(task: Task[Any], name: str, count: int) -> list[str] | None:
    """Return what is listed folder by folder; None where everything is listed at once.

    There are none where names are listed in their order, from anywhere to anywhere.
    """
    directory = _directory(task, name)
    if directory is not None:
        # Where there are none, the store has to say why.
        return sorted(filter(is_prefix, _names(directory))) or None
    place = open_place_of_store(task, name)
    if isinstance(place, OrderedPlace):
        return []
    if place is None or count <= AT_ONCE:
        return None
    return [f"{number:04x}" for number in range(FOLDERS)]


def _directory(task: Task[Any], name: str) -> str | None:
    job = task.machine.job
    return None if job.spec.place(name).directory is None else job.location(name)


def _names(directory: str) -> list[str]:
    """Return what is in a directory; nothing where it cannot be listed, which its user tells."""
    try:
        return os.listdir(directory)
    except OSError:
        return []


class Listing:
    """Lists parts of the store called `name`; safe to share by threads."""

    def __init__(self, task: Task[Any], name: str, reading: Reading) -> None:
        self._task = task
        self._store: ChunkStore = open_store(replace(task, leases=HeldLeases()), name, reading)
        self._place: ObjectPlace | None = open_place_of_store(task, name)
        self._forms: ChunkForms = open_forms(task, name)

    def stock(self, part: Part) -> Stock:
        """Return what a part has."""
        return stock_of(self._task, self._entries(part))

    def sizes(self, part: Part) -> tuple[int, int]:
        """Return how many chunk files a part has, and their stored bytes."""
        count = size = 0
        for entry in self._entries(part):
            if not count % 1000:
                self._task.machine.cancel.check()
            count += 1
            size += entry.size
        return count, size

    def _entries(self, part: Part) -> Iterator[StoredEntry]:
        if part.folders is None or self._place is None:
            return self._store.entries()
        if isinstance(self._place, OrderedPlace):
            last = f"{part.last:04x}" if part.last < FOLDERS else _BEHIND
            return self._chunks(self._place.entries_between(f"{part.first:04x}", last))
        folders = self._heeding(part.folders)
        if isinstance(self._store, Foldered):
            return self._store.entries_in(folders)
        below = map(self._place.entries, (f"{folder}/" for folder in folders))
        return self._chunks(chain.from_iterable(below))

    def _heeding(self, folders: Iterable[str]) -> Iterator[str]:
        for folder in folders:
            self._task.machine.cancel.check()
            yield folder

    def _chunks(self, objects: Iterable[ObjectEntry]) -> Iterator[StoredEntry]:
        for entry in objects:
            parsed = self._forms.parse(entry.name)
            if parsed is not None:
                yield StoredEntry(parsed[0], parsed[1].form, entry.size, entry.modified)
