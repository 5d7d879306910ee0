"""Doing `mount`: an archive as a tree, until it is unmounted or the run is stopped."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from desync_jobs.archive.lazy.tree import ArchiveTree
from desync_jobs.assembly.blob_reader import BlobReader
from desync_jobs.assembly.counted_access import CountedAccess
from desync_jobs.assembly.file_access import FileAccess
from desync_jobs.assembly.random_access import RandomAccess
from desync_jobs.execute.archives import check_archive_flags
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.inputs import file_facts, open_input
from desync_jobs.execute.live_stores import live_stores
from desync_jobs.execute.mounting import Shown, place_exists, stay_mounted
from desync_jobs.execute.opening import Reading, source_facts
from desync_jobs.execute.result import Done
from desync_jobs.execute.statistics import place_statistics
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.mount import MountTreeSpec
from desync_jobs.mount.tree import TreeContent
from desync_jobs.planner.facts import IndexFacts
from desync_jobs.planner.operations.mount import MountDetail, MountFacts
from desync_jobs.planner.step import Step


def survey_mount(task: Task[MountTreeSpec]) -> MountFacts:
    """Look at the archive, or read its index and look at the stores; look at the place."""
    spec = task.spec
    place = task.path(spec.mountpoint)
    archive = None
    if spec.archive is not None:
        archive = file_facts(task.path(spec.archive), task.machine.streams)
    index = None if spec.index is None else find_index(task, spec.index)
    stores = source_facts(task, spec.stores)
    return MountFacts(archive, index, stores, place, place_exists(place))


def do_mount(task: Task[MountTreeSpec], step: Step) -> Done:
    """Show the tree until that is over."""
    with _opened(task, step.detail_as(MountDetail)) as archive:
        tree = ArchiveTree(archive.blob, archive.name)
        if archive.index is not None:
            check_archive_flags(archive.name, tree.features, archive.index)
        blob = CountedAccess(archive.blob)
        content = TreeContent(tree, blob)
        shown = Shown(
            content, archive.path, archive.reload, archive.stop, options={"use_ino": True}
        )
        failures = stay_mounted(task, shown)
        stores = archive.stores()
    statistics = {
        "bytes": blob.bytes,
        "reads": blob.reads,
        "failed": failures.count,
        "stores": stores,
    }
    return Done(statistics=statistics)


@dataclass(frozen=True, slots=True)
class _Archive:
    """An archive that can be read at any place."""

    blob: RandomAccess
    path: str
    """The file that was named."""
    name: str
    """What it is called in errors."""
    index: Index | None = None
    reload: Callable[[], None] = lambda: None
    stop: Callable[[], None] = lambda: None
    stores: Callable[[], Mapping[str, object]] = dict
    """Says what stores did."""


@contextmanager
def _opened(task: Task[MountTreeSpec], detail: MountDetail) -> Iterator[_Archive]:
    """Open the archive; stores are stopped when this is left."""
    source, spec = detail.source, task.spec
    if not isinstance(source, IndexFacts):
        with open_input(source.path, task.machine.streams) as fd:
            yield _Archive(FileAccess(fd, source.path), source.path, source.path)
        return
    index = source.index
    with live_stores(task, Reading(index.algorithm, index.largest)) as stores:
        threads = task.machine.workers.count
        reader = BlobReader(index, stores.source, memory=spec.memory, threads=threads)
        try:
            yield _Archive(
                reader,
                source.path,
                f"archive of {source.path}",
                index,
                stores.reload,
                stores.stop,
                lambda: place_statistics(stores.source.counts()),
            )
        finally:
            stores.stop()
            reader.close()
