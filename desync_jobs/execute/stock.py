"""The chunk files of a store, as arrays; and the marks beside them."""

from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import CHUNK_ID_SIZE
from desync_jobs.errors import StoreError
from desync_jobs.execute.task import Task
from desync_jobs.formats.marks import NO_MARKS, SIZE_LIMIT, Marks, marks_bytes, parse_marks
from desync_jobs.planner.garbage import Stock
from desync_jobs.stores.base import ChunkStore, StoredEntry
from desync_jobs.stores.leases.log import OWN
from desync_jobs.stores.objects.base import ObjectPlace

MARKS: Final = f"{OWN}marks"


def take_stock(task: Task[Any], store: ChunkStore) -> Stock:
    """List every chunk file of `store`."""
    return stock_of(task, store.entries())


def stock_of(task: Task[Any], entries: Iterable[StoredEntry]) -> Stock:
    """Return listed chunk files in their order, each once."""
    ids, compressed = bytearray(), bytearray()
    sizes, modified = array("q"), array("d")
    for entry in entries:
        if not len(sizes) % 1000:
            task.machine.cancel.check()
        ids += entry.id
        compressed.append(entry.form is not Form.PLAIN)
        sizes.append(entry.size)
        modified.append(np.nan if entry.used is None else entry.used)
    rows = np.frombuffer(bytes(ids), np.uint8).reshape(-1, CHUNK_ID_SIZE)
    flags = np.frombuffer(bytes(compressed), np.bool_)
    # Listings come in no order, and may show an object twice.
    _, order = np.unique(entry_keys(rows, flags), return_index=True)
    return Stock(
        rows[order],
        flags[order],
        np.frombuffer(sizes, np.int64)[order],
        np.frombuffer(modified, np.float64)[order],
    )


def entry_keys(ids: NDArray[np.uint8], compressed: NDArray[np.bool_]) -> NDArray[np.bytes_]:
    """Return what chunk files are sorted by: ID, then form."""
    keys = np.column_stack([ids, compressed.astype(np.uint8)])
    return np.ascontiguousarray(keys).view("S33").reshape(-1)


def entries_at(stock: Stock, positions: Any) -> Iterator[StoredEntry]:
    """Yield the entries at some positions."""
    for at in positions.tolist():
        form = Form.ZSTD if stock.compressed[at] else Form.PLAIN
        yield StoredEntry(stock.ids[at].tobytes(), form, int(stock.sizes[at]))


def read_marks(place: ObjectPlace) -> Marks:
    """Return what is marked in a store."""
    (data,) = place.get([MARKS], SIZE_LIMIT)
    if data is None:
        return NO_MARKS
    where = f"store {place.name}: {MARKS}"
    if not isinstance(data, bytes):
        raise StoreError(f"{where}: cannot be read; remove it, and garbage is marked anew")
    return parse_marks(data, where)


def write_marks(place: ObjectPlace, marks: Marks) -> None:
    """Make these the marks of a store."""
    if len(marks.keys):
        place.put([(MARKS, marks_bytes(marks))], "application/octet-stream")
    else:
        place.delete([MARKS])
