"""One migration while it runs: what was copied, what was written, what was removed."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from itertools import tee
from typing import Final

from desync_jobs.errors import MissingError, SourceError
from desync_jobs.execute.engines.base import uncounted
from desync_jobs.execute.gathering import Gathered
from desync_jobs.execute.index_places import IndexPlace
from desync_jobs.execute.migration_copying import MigrationCopying
from desync_jobs.execute.migration_progress import CopyProgress
from desync_jobs.execute.migration_sources import Selected, reread
from desync_jobs.execute.recutting import Recutting, ToCut
from desync_jobs.execute.renaming import renamed_index
from desync_jobs.execute.statistics import place_statistics
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import serialize_index
from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.planner.migration_values import MovedIndex
from desync_jobs.planner.operations.migrate import NOTHING, MigrateDetail
from desync_jobs.planner.retention import is_root

_ATTEMPTS: Final = 5
"""How often an index is looked at again that changes while its chunks are copied."""


class Migrating:
    """The doer's state; its methods are called in their order."""

    def __init__(self, task: Task[MigrateSpec], detail: MigrateDetail) -> None:
        self._task = task
        self._detail = detail
        self._chunks = MigrationCopying(task)
        self._counts = self._chunks.counts

    def copy(self, work: int) -> None:
        """Copy what the store lacks by now, and rewrite what it has in another form; then sync."""
        phase = self._task.phase("copying", work)
        # Whoever prunes knows of no index that needs these: what the store had, it may have lost
        # before this run had its lease.
        for part in self._detail.had:
            self._chunks.copy_lacking(part)
        for part in self._detail.parts:
            if self._task.spec.progress is None:
                self._chunks.copy(part, phase)
            else:
                progress = CopyProgress(self._task, self._detail.ids)
                self._chunks.copy_store(part, progress, phase)
        for part in self._detail.rewritable:
            self._chunks.rewrite(part, phase)
        self._chunks.keep_ids()

    def publish(self) -> list[MovedIndex]:
        """Write every index whose chunks the store has by now; returns all that are there."""
        self._copy_since()
        to = self._to
        if to is None:
            self._task.machine.cancel.check()
            self._task.leases.check()
            return list(self._detail.indexes)
        put = self._written if self._task.spec.chunk_size is None else self._cut_anew
        waiting = [moved for moved in self._detail.indexes if not moved.done]
        if self._task.spec.chunk_size is None:
            self._task.leases.expect(to.url_of(moved.name) for moved in waiting)
        found = {moved.name: moved for moved in self._detail.indexes if moved.done}
        for moved, data in put(waiting):
            self._task.leases.index_appears(to.url_of(moved.name))
            self._counts["indexes_written"] += to.write(moved.name, data)
            found[moved.name] = replace(moved, target=to.digest(moved.name))
        return [found[moved.name] for moved in self._detail.indexes if moved.name in found]

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
                gathered = Gathered()
                gathered.add(selected.index)
                self._copy_absent(gathered)
        raise SourceError(f"{moved.url}: {moved.within} changes again and again; run again later")

    def _copy_since(self) -> None:
        """Copy what the store has lost since the plan was made and indexes are to need.

        A `prune` that ended before this run had its lease knew nothing of them.
        """
        if self._to is None or self._task.spec.chunk_size is not None:
            return
        gathered = Gathered()
        for moved in self._detail.indexes:
            self._task.machine.cancel.check()
            selected = None if moved.done else reread(self._task, moved)
            if selected is not None:
                gathered.add(selected.index)
        self._copy_absent(gathered)

    def _copy_absent(self, gathered: Gathered) -> None:
        """Copy what the store lacks by now."""
        for part in gathered.parts():
            self._chunks.copy_lacking(part)
        self._chunks.keep_ids()

    def _ready(self, waiting: Iterable[MovedIndex]) -> Iterator[Selected]:
        """Yield indexes as they are when their turn has come."""
        for moved in waiting:
            self._task.machine.cancel.check()
            selected = self._settled(moved)
            if selected is None:
                self._task.warn(f"{moved.url}: {moved.within} is gone since, and is left out")
            else:
                yield selected

    def _written(self, waiting: Iterable[MovedIndex]) -> Iterator[tuple[MovedIndex, bytes]]:
        """Yield indexes, with new IDs where those are wanted."""
        digest = self._task.spec.digest
        for selected in self._ready(waiting):
            index = selected.index
            if digest is not None and index.algorithm is not digest:
                renamed = renamed_index(index, self._chunks.pairs(), digest)
                if renamed is None:
                    raise MissingError(f"{selected.moved.name}: not every chunk of it was copied")
                index = renamed
            yield selected.moved, serialize_index(index)

    def _cut_anew(self, waiting: Sequence[MovedIndex]) -> Iterator[tuple[MovedIndex, bytes]]:
        """Yield indexes of blobs that are cut anew, when their chunks are stored."""
        if not waiting:
            return
        phase = self._task.phase("cutting", sum(moved.bytes for moved in waiting))
        work = Recutting(self._task.spec, phase.advance)
        selected, taken = tee(self._ready(waiting))
        batches = ([_to_cut(one)] for one in taken)
        position = 0
        with closing(
            self._task.machine.engine.spread(self._task, work, batches, uncounted)
        ) as answers:
            for (cut,), one in zip(answers, selected, strict=True):
                position += cut.size
                phase.reach(position)
                self._counts["bytes"] += cut.size
                self._counts.update(cut.stored)
                yield one.moved, cut.index

    def remove_gone(self) -> None:
        """Remove indexes that the source has no more."""
        gone = [one for one in self._detail.gone if self._is_gone(one)]
        if gone and self._to is not None:
            self._task.leases.check()
            self._to.remove(gone)
            self._counts["indexes_removed"] += len(gone)

    def _is_gone(self, name: str) -> bool:
        """Whether no root has an index, now and not only in a listing, which may be late."""
        roots = self._task.spec.roots
        places = [IndexPlace(self._task, root.url) for root in roots]
        return not any(
            is_root(name, root) and place.has(name)
            for root, place in zip(roots, places, strict=True)
        )

    def finish(self) -> None:
        """Drop what was only kept for another attempt."""
        CopyProgress(self._task, self._detail.ids).finish()

    def statistics(self) -> dict[str, object]:
        """Return what was done, and what each place did."""
        counts = place_statistics(self._chunks.places())
        return {**NOTHING, **self._counts, "stores": counts}


def _to_cut(selected: Selected) -> ToCut:
    moved = selected.moved
    return ToCut(f"{moved.url}: {moved.within}", selected.index, moved.source)
