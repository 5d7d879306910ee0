"""Doing `mount-index`: a blob as a file, until it is unmounted or the run is stopped."""

import os
import time

from desync_jobs.assembly.blob_reader import BlobReader
from desync_jobs.assembly.counted_access import CountedAccess
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.live_stores import live_stores
from desync_jobs.execute.mounting import Shown, place_exists, stay_mounted
from desync_jobs.execute.opening import Reading, source_facts
from desync_jobs.execute.result import Done
from desync_jobs.execute.statistics import place_statistics
from desync_jobs.execute.task import Task
from desync_jobs.manifest.indexes import split_index_url
from desync_jobs.manifest.locations import parse_location
from desync_jobs.manifest.operations.mount_index import MountIndexSpec
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.mount.image import ImageContent, Owner
from desync_jobs.planner.operations.mount_index import MountIndexDetail, MountIndexFacts
from desync_jobs.planner.plan import Step


def survey_mount_index(task: Task[MountIndexSpec]) -> MountIndexFacts:
    """Read the index; look at the stores and the place."""
    spec = task.spec
    place = task.path(spec.mountpoint)
    stores = source_facts(task, spec.stores)
    return MountIndexFacts(find_index(task, spec.index), stores, place, place_exists(place))


def do_mount_index(task: Task[MountIndexSpec], step: Step) -> Done:
    """Show the blob until that is over."""
    index = step.detail_as(MountIndexDetail).index
    with live_stores(task, Reading(index.algorithm, index.largest)) as stores:
        reader = BlobReader(
            index, stores.source, memory=task.spec.memory, threads=task.machine.workers.count
        )
        blob = CountedAccess(reader)
        name = _file_name(task)
        content = ImageContent(name, blob, _owner(task))
        shown = Shown(content, name, stores.reload)
        failures = stay_mounted(task, shown)
    reader.close()
    statistics = {
        "bytes": blob.bytes,
        "reads": blob.reads,
        "failed": failures.count,
        "stores": place_statistics(stores.source.counts()),
    }
    return Done(statistics=statistics)


def _file_name(task: Task[MountIndexSpec]) -> str:
    """Return the name of the index without what follows the last point."""
    text = task.spec.index
    path = task.path(text)
    if url_scheme(path):
        _, name = split_index_url(parse_location(path))
    else:
        name = os.path.basename(path)
    return os.path.splitext(name)[0]


def _owner(task: Task[MountIndexSpec]) -> Owner:
    """Return that the file is this process's, and as old as the index where that has an age."""
    path = task.path(task.spec.index)
    try:
        changed = os.stat(path).st_mtime_ns
    except OSError:
        changed = time.time_ns()
    return Owner(os.geteuid(), os.getegid(), changed)
