"""The chunk files of a store in the order of their IDs, in parts that fit into memory."""

from collections.abc import Iterator
from typing import Any, Final

from desync_jobs.execute.opening import open_forms, open_place_of_store
from desync_jobs.execute.stock import stock_of, take_stock
from desync_jobs.execute.task import Task
from desync_jobs.planner.garbage import Stock
from desync_jobs.stores.base import ChunkStore, StoredEntry
from desync_jobs.stores.forms import ChunkForms
from desync_jobs.stores.objects.base import ObjectPlace

AT_ONCE: Final = 1 << 20
"""Chunk files of a store that are listed at once: about 100 MB of memory."""
_PREFIXES: Final = 1 << 16


def stock_in_parts(
    task: Task[Any], store: ChunkStore, count: int, first: bytes, most: int = AT_ONCE
) -> Iterator[Stock]:
    """Yield what `store` has, part by part, the IDs ascending.

    Of a store with more than `most` chunk files, of which about `count` are known, each directory
    is listed by itself, from that of the ID `first` on; a place that has no directories, as a
    registry, is listed at once all the same. May yield what comes before `first`.
    """
    place = open_place_of_store(task, store.name) if count > most else None
    if place is None:
        yield take_stock(task, store)
        return
    forms = open_forms(task, store.name)
    begin = int.from_bytes(first[:2]) if first else 0
    for prefix in range(begin, _PREFIXES):
        task.machine.cancel.check()
        part = stock_of(task, _listed(place, forms, f"{prefix:04x}/"))
        if len(part):
            yield part


def _listed(place: ObjectPlace, forms: ChunkForms, folder: str) -> Iterator[StoredEntry]:
    for entry in place.entries(folder):
        parsed = forms.parse(entry.name)
        if parsed is not None:
            yield StoredEntry(parsed[0], parsed[1].form, entry.size, entry.modified)
