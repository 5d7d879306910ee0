"""One migration while it runs: what was copied, what was written, what was removed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np

from desync_jobs.errors import MissingError, SourceError
from desync_jobs.execute.gathering import Gathered
from desync_jobs.execute.index_places import IndexPlace
from desync_jobs.execute.kept import lacking_in, stored_counts
from desync_jobs.execute.migration_progress import CopyProgress
from desync_jobs.execute.migration_sources import EITHER, Selected, reread
from desync_jobs.execute.opening import Reading, open_forms, open_store, open_stores
from desync_jobs.execute.progress import Phase
from desync_jobs.execute.published import publish_text, read_published
from desync_jobs.execute.recutting import cut_anew
from desync_jobs.execute.renaming import Renaming, renamed_index
from desync_jobs.execute.statistics import place_statistics
from desync_jobs.execute.task import Task
from desync_jobs.execute.transfer import Batch, Convert, Transfer, as_they_are, batches_of, fetched
from desync_jobs.formats.id_map import SIZE_LIMIT, IDMap, id_map_bytes, no_ids, parse_id_map
from desync_jobs.formats.index import serialize_index
from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.planner.copied import Lacking
from desync_jobs.planner.migration_values import MovedIndex
from desync_jobs.planner.operations.migrate import NOTHING, MigrateDetail
from desync_jobs.stores.base import Chunk, ChunkSource, ChunkStore
from desync_jobs.stores.counters import sum_counts

_Copied = tuple[int, int, int]
"""The first byte of the IDs of a batch, how many chunks it had, and their bytes."""
_ATTEMPTS: Final = 5
"""How often an index is looked at again that changes while its chunks are copied."""


def read_id_map(task: Task[MigrateSpec]) -> IDMap:
    """Return the IDs that are known from earlier runs."""
    if task.spec.id_map is None:
        return no_ids()
    path = task.path(task.spec.id_map)
    data = read_published(path, SIZE_LIMIT)
    return no_ids() if data is None else parse_id_map(data, path)


class Migrating:
    """The doer's state; its methods are called in their order."""

    def __init__(self, task: Task[MigrateSpec], detail: MigrateDetail) -> None:
        self._task = task
        self._detail = detail
        self._counts: Counter[str] = Counter()
        self._places: list[ChunkSource] = []
        self._renaming: Renaming | None = None
        if task.spec.digest is not None:
            kernel = task.machine.kernel
            self._renaming = Renaming(kernel, task.spec.digest, read_id_map(task))

    def copy(self, work: int) -> None:
        """Copy what the store lacks, and rewrite what it has in another form; then sync."""
        phase = self._task.phase("copying", work)
        if self._task.spec.progress is not None:
            self._copy_store(phase)
        else:
            for part in self._detail.parts:
                self._copy_part(part, phase)
        for part in self._detail.rewritable:
            self._rewrite_part(part, phase)
        self._keep_ids()

    def _copy_store(self, phase: Phase) -> None:
        """Copy by ascending ID, and say now and then how far that is."""
        progress = CopyProgress(self._task, self._detail.ids)
        for part in self._detail.parts:
            store, transfer = self._transfer(part)
            batches = (
                (first, batch) for first, one in _by_first_byte(part) for batch in batches_of(one)
            )

            def copy(item: tuple[int, Batch], transfer: Transfer = transfer) -> _Copied:
                return item[0], len(item[1][0]), transfer.copy(item[1])

            for first, count, size in self._task.machine.workers.ordered(copy, batches):
                # Batches end in their order: what is below this one's part is whole.
                progress.note(first, count, store)
                self._advance(size, phase)
            self._close(store)

    def _copy_part(self, part: Lacking, phase: Phase | None) -> None:
        store, transfer = self._transfer(part)
        for size in self._task.machine.workers.ordered(transfer.copy, batches_of(part)):
            self._advance(size, phase)
        self._close(store)

    def _advance(self, size: int, phase: Phase | None) -> None:
        self._counts["bytes"] += size
        if phase is not None:
            phase.advance(size)
        self._keep_ids(if_worth=True)

    def _transfer(self, part: Lacking) -> tuple[ChunkStore, Transfer]:
        spec = self._task.spec
        reading = replace(EITHER, limit=part.limit)
        written = EITHER
        if spec.selective:
            reading = Reading(part.algorithm, part.limit)
            written = Reading(spec.digest or part.algorithm)
        source = open_stores(self._task, spec.stores, reading)
        store = open_store(self._task, spec.store, written)
        store.prepare()
        self._places += [source, store]
        return store, Transfer(source, store, self._convert(part), spec.read_back)

    def _convert(self, part: Lacking) -> Convert:
        spec = self._task.spec
        convert = compressed_again if spec.recompress else as_they_are
        if self._renaming is None or (spec.selective and spec.digest is part.algorithm):
            return convert
        renaming = self._renaming
        return lambda chunks: renaming.convert(convert(chunks))

    def _rewrite_part(self, part: Lacking, phase: Phase) -> None:
        """Put chunks that are in another form than the store's own in their place again."""
        reading = Reading(part.algorithm, part.limit) if self._task.spec.selective else EITHER
        store = open_store(self._task, self._task.spec.store, reading)
        own = open_forms(self._task, self._task.spec.store).own.form
        self._places.append(store)

        def rewrite(batch: Batch) -> tuple[int, int]:
            ids, size = batch
            other = [one for one in fetched(store, ids) if one.form is not own]
            if other:
                store.replace(other)
            return len(other), size

        for count, size in self._task.machine.workers.ordered(rewrite, batches_of(part)):
            self._counts["chunks_rewritten"] += count
            phase.advance(size)
        store.flush()

    def _close(self, store: ChunkStore) -> None:
        store.flush()
        self._counts.update(stored_counts(store))

    def _keep_ids(self, *, if_worth: bool = False) -> None:
        """Write the new IDs down; while chunks are copied only where there are many."""
        spec, renaming = self._task.spec, self._renaming
        if renaming is None or spec.id_map is None or (if_worth and not renaming.worth_keeping):
            return
        text = id_map_bytes(renaming.pairs()).decode("ascii")
        publish_text(self._task.path(spec.id_map), text)

    def publish(self) -> list[MovedIndex]:
        """Write every index whose chunks the store has by now; returns all that are there."""
        found: list[MovedIndex] = []
        for moved in self._detail.indexes:
            self._task.machine.cancel.check()
            if moved.done or self._to is None:
                found.append(moved)
                continue
            selected = self._settled(moved)
            if selected is None:
                self._task.warn(f"{moved.url}: {moved.within} is gone since, and is left out")
            elif self._task.spec.chunk_size is not None:
                found.append(self._cut(selected, self._to))
            else:
                found.append(self._write(selected, self._to))
        return found

    @cached_property
    def _to(self) -> IndexPlace | None:
        spec = self._task.spec
        return None if spec.indexes_to is None else IndexPlace(self._task, spec.indexes_to)

    def _settled(self, moved: MovedIndex) -> Selected | None:
        """Return an index, with all its chunks in the store, also where it has changed since."""
        for _ in range(_ATTEMPTS):
            selected = reread(self._task, moved)
            if selected is None or selected.moved.source == moved.source:
                return selected
            moved = selected.moved
            if self._task.spec.chunk_size is None:
                self._copy_more(selected)
        raise SourceError(f"{moved.url}: {moved.within} changes again and again; run again later")

    def _copy_more(self, selected: Selected) -> None:
        """Copy what an index needs that is newer than the plan."""
        gathered = Gathered()
        gathered.add(selected.index)
        for part in gathered.parts():
            if self._renaming is None or self._task.spec.digest is part.algorithm:
                reading = Reading(part.algorithm)
                absent = lacking_in(self._task, self._task.spec.store, reading, part.ids)
            else:
                absent = ~self._renaming.pairs().look_up(part.ids)[1]
            self._copy_part(replace(part, ids=part.ids[absent], sizes=part.sizes[absent]), None)

    def _write(self, selected: Selected, to: IndexPlace) -> MovedIndex:
        index, digest = selected.index, self._task.spec.digest
        if self._renaming is not None and digest is not None and index.algorithm is not digest:
            renamed = renamed_index(index, self._renaming.pairs(), digest)
            if renamed is None:
                raise MissingError(f"{selected.moved.name}: not every chunk of it was copied")
            index = renamed
        self._check_leases()
        written = to.write(selected.moved.name, serialize_index(index))
        self._counts["indexes_written"] += written
        return self._as_found(selected.moved, to)

    def _cut(self, selected: Selected, to: IndexPlace) -> MovedIndex:
        target = to.url_of(selected.moved.name)
        to.prepare(selected.moved.name)
        done = cut_anew(self._task, selected.index, selected.moved.source, target)
        for key in ("chunks_stored", "bytes_stored", "bytes"):
            value = done.statistics[key]
            self._counts[key] += value if isinstance(value, int) else 0
        found = self._as_found(selected.moved, to)
        self._counts["indexes_written"] += found.target != selected.moved.found
        return found

    def _as_found(self, moved: MovedIndex, to: IndexPlace) -> MovedIndex:
        return replace(moved, target=to.digest(moved.name))

    def remove_gone(self) -> None:
        """Remove indexes that the source has no more."""
        if self._detail.gone and self._to is not None:
            self._check_leases()
            self._to.remove(self._detail.gone)
            self._counts["indexes_removed"] += len(self._detail.gone)

    def finish(self) -> None:
        """Drop what was only kept for another attempt."""
        CopyProgress(self._task, self._detail.ids).finish()

    def _check_leases(self) -> None:
        for lease in self._task.leases.values():
            lease.check()

    def statistics(self) -> dict[str, object]:
        """Return what was done, and what each place did."""
        counts = place_statistics(sum_counts(one.counts() for one in self._places))
        return {**NOTHING, **self._counts, "stores": counts}


def compressed_again(chunks: list[Chunk]) -> list[Chunk]:
    """Return `chunks` without the bytes that they were stored as, so that they are made anew."""
    return [Chunk(one.id, one.plain) for one in chunks]


def _by_first_byte(part: Lacking) -> Iterator[tuple[int, Lacking]]:
    """Yield the chunks of `part`, which ascend, by the first byte of their IDs."""
    bounds = np.searchsorted(part.ids[:, 0], np.arange(257))
    for first in range(256):
        begin, end = bounds[first], bounds[first + 1]
        if end > begin:
            yield first, replace(part, ids=part.ids[begin:end], sizes=part.sizes[begin:end])
