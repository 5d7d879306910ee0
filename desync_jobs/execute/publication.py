"""One publication while it runs: each thing only when everything that it names is in its place."""

from collections import Counter

from desync_jobs.errors import SourceError, StoreError
from desync_jobs.execute.gathering import Gathered
from desync_jobs.execute.index_places import IndexPlace
from desync_jobs.execute.indexes import need_index
from desync_jobs.execute.kept import lacking_in, stored_counts
from desync_jobs.execute.opening import Reading, open_store, open_stores
from desync_jobs.execute.progress import Phase
from desync_jobs.execute.statistics import place_statistics
from desync_jobs.execute.task import Task
from desync_jobs.execute.transfer import Transfer, batches_of
from desync_jobs.formats.index import serialize_index
from desync_jobs.manifest.operations.publish import PublishSpec
from desync_jobs.planner.copied import Lacking
from desync_jobs.planner.operations.publish import NOTHING, PublishDetail, Published, Sort
from desync_jobs.stores.base import ChunkSource
from desync_jobs.stores.counters import sum_counts
from desync_jobs.stores.objects.indexes import INDEX_CONTENT_TYPE

_TYPES = {Sort.POINTER: "text/plain", Sort.HEAD: "application/json"}


def text_bytes(text: str) -> bytes:
    """Return a pointer or a head as it is written: a name in it has the bytes of the file's."""
    return text.encode("utf-8", "surrogateescape")


class Publishing:
    """The doer's state; its methods are called in their order."""

    def __init__(self, task: Task[PublishSpec], detail: PublishDetail) -> None:
        self._task = task
        self._detail = detail
        self._counts: Counter[str] = Counter()
        self._sources: list[ChunkSource] = []

    def fill(self, work: int) -> None:
        """Store what is lacking, everywhere, and look whether it is there."""
        phase = self._task.phase("copying", work)
        for filling in self._detail.filled:
            for part in filling.parts:
                self._copy(filling.store, part, phase)
        # A `prune` that ended before this run had its lease knew of none of these indexes: what
        # the stores had when the plan was made, they may have lost.
        gathered = Gathered()
        for text in self._task.spec.indexes:
            gathered.add(need_index(self._task, text).index)
        for filling in self._detail.filled:
            for part in gathered.parts():
                absent = lacking_in(self._task, filling.store, Reading(part.algorithm), part.ids)
                if absent.any():
                    self._copy(filling.store, part.only(absent), phase)

    def _copy(self, name: str, part: Lacking, phase: Phase) -> None:
        store = open_store(self._task, name, Reading(part.algorithm))
        source = open_stores(
            self._task, self._task.spec.stores, Reading(part.algorithm, part.limit)
        )
        self._sources += [source, store]
        transfer = Transfer(source, store)
        for size in self._task.machine.workers.ordered(transfer.copy, batches_of(part)):
            self._counts["bytes"] += size
            phase.advance(size)
        store.flush()
        self._counts.update(stored_counts(store))
        absent = lacking_in(self._task, name, Reading(part.algorithm), part.ids)
        if absent.any():
            raise StoreError(
                f"store {name}: chunk {part.ids[absent][0].tobytes().hex()} is not "
                "there after it was stored; no index was published"
            )

    def write(self) -> None:
        """Write what is not in its place, each file read back before the next is written."""
        places = {url: IndexPlace(self._task, url) for url in self._task.spec.places}
        waiting = [published for published in self._detail.files if not published.done]
        self._task.leases.expect(
            places[one.place].url_of(one.name) for one in waiting if one.sort not in _TYPES
        )
        for published in waiting:
            self._task.machine.cancel.check()
            place = places[published.place]
            data = self._content(published)
            if published.sort in _TYPES:
                self._task.leases.check()
            else:
                self._task.leases.index_appears(place.url_of(published.name))
            content_type = _TYPES.get(published.sort, INDEX_CONTENT_TYPE)
            self._counts["files_written"] += place.write(published.name, data, content_type)

    def _content(self, published: Published) -> bytes:
        if published.sort in _TYPES:
            return text_bytes(published.source)
        found = need_index(self._task, published.source)
        if found.file_digest != published.digest:
            raise SourceError(f"{found.path} has changed since it was looked at; run again")
        return serialize_index(found.index)

    def statistics(self) -> dict[str, object]:
        """Return what was done, and what each place did."""
        counts = place_statistics(sum_counts(one.counts() for one in self._sources))
        return {**NOTHING, **self._counts, "stores": counts}

    @property
    def changed(self) -> bool:
        """Whether anything is other than it was."""
        return bool(self._counts["files_written"] or self._counts["chunks_stored"])
