"""Doing `mount-index`: a blob as a file, until it is unmounted or the run is stopped."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from desync_jobs.assembly.blob_reader import BlobReader, Elsewhere
from desync_jobs.assembly.copy_on_read import CopiedPositions
from desync_jobs.assembly.counted_access import CountedAccess
from desync_jobs.assembly.random_access import RandomAccess
from desync_jobs.execute.copying import opened_copy
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.live_stores import LiveStores, live_stores
from desync_jobs.execute.mounting import Shown, is_below, place_exists, stay_mounted
from desync_jobs.execute.opening import Reading, source_facts
from desync_jobs.execute.result import Done
from desync_jobs.execute.statistics import place_statistics
from desync_jobs.execute.task import Task
from desync_jobs.manifest.indexes import index_name
from desync_jobs.manifest.operations.mount_index import MountIndexSpec
from desync_jobs.mount.image import ImageContent, Owner
from desync_jobs.planner.operations.mount_index import MountIndexDetail, MountIndexFacts
from desync_jobs.planner.step import Step


def survey_mount_index(task: Task[MountIndexSpec]) -> MountIndexFacts:
    """Read the index; look at the stores and the place."""
    spec = task.spec
    place = task.path(spec.mountpoint)
    stores = source_facts(task, spec.stores)
    copy = spec.copy_on_read
    written = [] if copy is None else [task.path(copy.file), task.path(copy.state_path)]
    hidden = next((path for path in written if is_below(path, place)), None)
    index = find_index(task, spec.index)
    return MountIndexFacts(index, stores, place, place_exists(place), hidden)


def do_mount_index(task: Task[MountIndexSpec], step: Step) -> Done:
    """Show the blob until that is over."""
    detail = step.detail_as(MountIndexDetail)
    reading = Reading(detail.index.algorithm, detail.index.largest)
    with (
        live_stores(task, reading) as stores,
        _opened(task, detail, stores) as opened,
    ):
        blob = CountedAccess(opened.blob)
        name, _ = os.path.splitext(index_name(task.path(task.spec.index)))

        def reload() -> None:
            stores.reload()
            opened.save()

        content = ImageContent(name, blob, _owner(task))
        shown = Shown(content, name, reload, stores.stop, opened.tick)
        failures = stay_mounted(task, shown)
    statistics: dict[str, object] = {
        "bytes": blob.bytes,
        "reads": blob.reads,
        "failed": failures.count,
        "stores": place_statistics(stores.source.counts()),
    }
    if opened.copied is not None:
        statistics["copied_chunks"] = opened.copied.count()
    return Done(statistics=statistics)


@dataclass(frozen=True, slots=True)
class _Opened:
    """What is shown, and what keeps its state."""

    blob: RandomAccess
    tick: Callable[[], None] = lambda: None
    save: Callable[[], None] = lambda: None
    copied: CopiedPositions | None = None
    """What is in the copy, where there is one."""


@contextmanager
def _opened(
    task: Task[MountIndexSpec], detail: MountIndexDetail, stores: LiveStores[MountIndexSpec]
) -> Iterator[_Opened]:
    """Open the blob, behind its copy where there is one; stores are stopped when this is left."""
    spec = task.spec

    def fetched(elsewhere: Elsewhere | None = None) -> BlobReader:
        threads = task.machine.workers.count
        source = stores.source
        return BlobReader(
            detail.index, source, memory=spec.memory, threads=threads, elsewhere=elsewhere
        )

    if spec.copy_on_read is None:
        reader = fetched()
        try:
            yield _Opened(reader)
        finally:
            stores.stop()
            reader.close()
        return
    with opened_copy(task, spec.copy_on_read, detail, fetched) as copy:
        try:
            yield _Opened(copy.blob, copy.saving.tick, copy.saving.save, copy.file.copied)
        finally:
            stores.stop()


def _owner(task: Task[MountIndexSpec]) -> Owner:
    """Return that the file is this process's, and as old as the index where that has an age."""
    path = task.path(task.spec.index)
    try:
        changed = os.stat(path).st_mtime_ns
    except OSError:
        changed = time.time_ns()
    return Owner(os.geteuid(), os.getegid(), changed)
