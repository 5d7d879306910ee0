"""What a migration is about: the indexes that it is told, or all chunks of a store."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from desync_jobs.codecs.form import Form
from desync_jobs.core.chunk import CHUNK_ID_SIZE, CHUNK_SIZE_LIMIT
from desync_jobs.errors import UsageError
from desync_jobs.execute.index_set import indexes_below
from desync_jobs.execute.indexes import need_index
from desync_jobs.execute.inputs import INDEX_SIZE_LIMIT
from desync_jobs.execute.opening import (
    EITHER,
    open_forms,
    open_place_of_indexes,
    open_store,
    store_facts,
)
from desync_jobs.execute.stock import take_stock
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index, parse_index
from desync_jobs.manifest.indexes import split_index_url
from desync_jobs.manifest.locations import parse_location
from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.planner.copied import Lacking
from desync_jobs.planner.migration_values import MovedIndex


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """An index, and where it was found."""

    moved: MovedIndex
    index: Index


def selected_indexes(task: Task[MigrateSpec]) -> Iterator[Selected]:
    """Yield every index of the operation, read and checked.

    Raises `UsageError` where two would have the same name in their new place, and what reading
    them raises.
    """
    seen: dict[str, str] = {}
    for one in (*_of_roots(task), *_named(task)):
        where = f"{one.moved.url}: {one.moved.within}"
        if task.spec.indexes_to is not None and one.moved.name in seen:
            raise UsageError(
                f"{seen[one.moved.name]} and {where} would both be {one.moved.name} in "
                f"{task.spec.indexes_to}; migrate them to different places"
            )
        seen[one.moved.name] = where
        yield one


def _of_roots(task: Task[MigrateSpec]) -> Iterator[Selected]:
    for root in task.spec.roots:
        for one in indexes_below(task, root):
            yield _selected(one.index, one.name, (task.path(root.url), one.name), one.digest)


def _named(task: Task[MigrateSpec]) -> Iterator[Selected]:
    for text in task.spec.indexes:
        found = need_index(task, text)
        if url_scheme(found.path):
            url, name = split_index_url(parse_location(found.path))
        else:
            url, name = os.path.split(found.path)
        yield _selected(found.index, name, (url, name), found.file_digest)


def _selected(index: Index, name: str, where: tuple[str, str], digest: str) -> Selected:
    return Selected(MovedIndex(name, *where, digest, len(index), index.blob_size), index)


def reread(task: Task[MigrateSpec], moved: MovedIndex) -> Selected | None:
    """Read an index again when its turn has come; None where it is gone by now."""
    place = open_place_of_indexes(task, moved.url)
    (data,) = place.get([moved.within], INDEX_SIZE_LIMIT)
    if not isinstance(data, bytes):
        return None
    index = parse_index(data, f"{moved.url}: {moved.within}")
    digest = hashlib.sha256(data).hexdigest()
    if digest == moved.source:
        return Selected(moved, index)
    changed = replace(moved, source=digest, chunks=len(index), bytes=index.blob_size, target=None)
    return Selected(changed, index)


def all_chunks(task: Task[MigrateSpec]) -> Lacking:
    """Return every chunk of the one store, by ascending ID, with stored sizes."""
    name = task.spec.stores[0]
    if not store_facts(task, name).present:
        return Lacking(EITHER.algorithm, no_chunks(), np.empty(0, np.int64), CHUNK_SIZE_LIMIT)
    stock = take_stock(task, open_store(task, name, EITHER))
    # Of a chunk that is there in both forms, the one that is read is that of the store.
    own = open_forms(task, name).own.form is not Form.PLAIN
    keep = np.ones(len(stock.ids), np.bool_)
    twice = (stock.ids[1:] == stock.ids[:-1]).all(axis=1)
    first, second = np.flatnonzero(twice), np.flatnonzero(twice) + 1
    keep[np.where(stock.compressed[first] == own, second, first)] = False
    return Lacking(EITHER.algorithm, stock.ids[keep], stock.sizes[keep], CHUNK_SIZE_LIMIT)


def no_chunks() -> NDArray[np.uint8]:
    """Return IDs of shape (0, 32)."""
    return np.empty((0, CHUNK_ID_SIZE), np.uint8)


def ids_digest(parts: list[Lacking]) -> str:
    """Return the SHA-256 of all IDs of `parts` in ascending order, each once."""
    ids = np.concatenate([no_chunks(), *(part.ids for part in parts)])
    keys = np.ascontiguousarray(ids).view(f"S{CHUNK_ID_SIZE}").reshape(-1)
    return hashlib.sha256(np.unique(keys).tobytes()).hexdigest()
