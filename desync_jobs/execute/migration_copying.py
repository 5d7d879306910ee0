"""The chunks of one migration on their way, on whatever engine does the work."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise, tee
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from desync_jobs.execute.chunk_work import Copying, Rewriting
from desync_jobs.execute.conversion import Conversion
from desync_jobs.execute.engines.base import Tally, Work
from desync_jobs.execute.kept import lacking_in
from desync_jobs.execute.migration_progress import CopyProgress
from desync_jobs.execute.opening import EITHER, Reading, open_store
from desync_jobs.execute.progress import Phase
from desync_jobs.execute.published import publish_text, read_published
from desync_jobs.execute.renaming import Renaming
from desync_jobs.execute.task import Task
from desync_jobs.execute.transfer import Batch, batches_of
from desync_jobs.formats.id_map import SIZE_LIMIT, IDMap, id_map_bytes, no_ids, parse_id_map
from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.planner.copied import Lacking
from desync_jobs.stores.counters import NO_COUNTS, Counts, sum_counts

R = TypeVar("R")


def read_id_map(task: Task[MigrateSpec]) -> IDMap:
    """Return the IDs that are known from earlier runs."""
    if task.spec.id_map is None:
        return no_ids()
    path = task.path(task.spec.id_map)
    data = read_published(path, SIZE_LIMIT)
    return no_ids() if data is None else parse_id_map(data, path)


def unread(task: Task[MigrateSpec], part: Lacking, pairs: IDMap) -> NDArray[np.bool_]:
    """Return what is to be read: what the store lacks, or nobody knows the new ID of."""
    spec = task.spec
    if spec.digest is None or (spec.selective and spec.digest is part.algorithm):
        reading = Reading(part.algorithm) if spec.selective else EITHER
        return lacking_in(task, spec.store, reading, part.ids)
    new, known = pairs.look_up(part.ids)
    absent = ~known
    absent[known] = lacking_in(task, spec.store, Reading(spec.digest), new[known])
    return absent


class MigrationCopying:
    """Copies and rewrites chunks; keeps what was counted, and which IDs they got."""

    def __init__(self, task: Task[MigrateSpec]) -> None:
        self._task = task
        self._tallies: list[Tally] = []
        self._renaming: Renaming | None = None
        if task.spec.digest is not None:
            self._renaming = Renaming(read_id_map(task))
        self.counts: Counter[str] = Counter()
        """What the statistics of the operation say of chunks."""

    def copy(self, part: Lacking, phase: Phase | None = None) -> None:
        """Copy chunks."""
        self._copy(part, batches_of(part), lambda batch: self._advance(batch, phase))

    def copy_store(self, part: Lacking, progress: CopyProgress, phase: Phase) -> None:
        """Copy chunks of a whole store by ascending ID, and say now and then how far that is."""
        store = open_store(self._task, self._task.spec.store, EITHER)
        store.prepare()

        def copied(batch: Batch) -> None:
            # Batches end in their order: what is below this one's part is whole.
            progress.note(batch[0][0][0], len(batch[0]), store)
            self._advance(batch, phase)

        self._copy(part, (one for same in _by_first_byte(part) for one in batches_of(same)), copied)

    def copy_lacking(self, part: Lacking) -> None:
        """Copy what the store lacks by now."""
        absent = unread(self._task, part, self.pairs())
        if absent.any():
            self.copy(part.only(absent))

    def rewrite(self, part: Lacking, phase: Phase) -> None:
        """Put chunks that are in another form than the store's own in their place again."""
        reading = Reading(part.algorithm, part.limit) if self._task.spec.selective else EITHER
        work = Rewriting(self._task.spec.store, reading)
        for batch, count in self._spread(work, batches_of(part), self._tallies.append):
            self.counts["chunks_rewritten"] += count
            phase.advance(batch[1])

    def keep_ids(self) -> None:
        """Write the new IDs down, where a file is wanted."""
        spec, renaming = self._task.spec, self._renaming
        if renaming is not None and spec.id_map is not None:
            text = id_map_bytes(renaming.pairs()).decode("ascii")
            publish_text(self._task.path(spec.id_map), text)

    def pairs(self) -> IDMap:
        """Return all pairs of old and new IDs that are known."""
        return no_ids() if self._renaming is None else self._renaming.pairs()

    def places(self) -> dict[str, Counts]:
        """Return what each place did."""
        return sum_counts(self._tallies)

    def _copy(
        self, part: Lacking, batches: Iterable[Batch], copied: Callable[[Batch], None]
    ) -> None:
        work = self._work(part)
        for batch, (_, new) in self._spread(work, batches, self._tallied):
            if self._renaming is not None and work.conversion.digest is not None:
                self._renaming.add(batch[0], new)
            copied(batch)

    def _work(self, part: Lacking) -> Copying:
        spec = self._task.spec
        read, written, digest = replace(EITHER, limit=part.limit), EITHER, spec.digest
        if spec.selective:
            read = Reading(part.algorithm, part.limit)
            written = Reading(digest or part.algorithm)
            digest = None if digest is part.algorithm else digest
        conversion = Conversion(spec.recompress, digest)
        return Copying(spec.stores, spec.store, read, written, conversion, spec.read_back)

    def _spread(
        self,
        work: Work[Task[MigrateSpec], Batch, R],
        batches: Iterable[Batch],
        tallied: Callable[[Tally], None],
    ) -> Iterator[tuple[Batch, R]]:
        """Yield each batch with what came of it."""
        given, noted = tee(batches)
        with closing(self._task.machine.engine.spread(self._task, work, given, tallied)) as results:
            # Results come first: an engine ends its work when one more is asked for than there are.
            for result, batch in zip(results, noted, strict=True):
                yield batch, result

    def _tallied(self, tally: Tally) -> None:
        kept = tally.get(self._task.spec.store, NO_COUNTS)
        self.counts["chunks_stored"] += kept.chunks_added
        self.counts["bytes_stored"] += kept.stored_bytes_added
        self._tallies.append(tally)

    def _advance(self, batch: Batch, phase: Phase | None) -> None:
        self.counts["bytes"] += batch[1]
        if phase is not None:
            phase.advance(batch[1])
        if self._renaming is not None and self._renaming.worth_keeping:
            self.keep_ids()


def _by_first_byte(part: Lacking) -> Iterator[Lacking]:
    """Yield the chunks of `part`, which ascend, by the first byte of their IDs."""
    bounds = np.searchsorted(part.ids[:, 0], np.arange(257))
    for begin, end in pairwise(bounds):
        if end > begin:
            yield replace(part, ids=part.ids[begin:end], sizes=part.sizes[begin:end])
