"""Serving a blob over NBD until stopped."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desync_jobs.assembly.blob_reader import BlobReader
from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.live_stores import live_stores
from desync_jobs.execute.opening import Reading, source_facts
from desync_jobs.execute.reloading import Hangups
from desync_jobs.execute.result import Done
from desync_jobs.execute.statistics import place_statistics
from desync_jobs.execute.task import Task
from desync_jobs.manifest.indexes import SUFFIX, index_name
from desync_jobs.manifest.nbd import NbdSpec
from desync_jobs.planner.nbd import NbdDetail, NbdFacts
from desync_jobs.planner.step import Step
from desync_jobs.server.nbd.export import Export
from desync_jobs.server.nbd.serving import Limits, NbdServer


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a server is told when to reload and when to end."""

    noted: Hangups
    ready: Callable[[], None]
    """Is called when clients are accepted."""
    is_stopped: Callable[[], bool]


def survey_nbd(task: Task[NbdSpec]) -> NbdFacts:
    """Read the index and look at the stores."""
    return NbdFacts(find_index(task, task.spec.index), source_facts(task, task.spec.stores))


def export_name(task: Task[NbdSpec]) -> str:
    """Return what clients call the blob where nobody says it: the index's name without ending."""
    return index_name(task.path(task.spec.index)).removesuffix(SUFFIX)


def serve_nbd(
    task: Task[NbdSpec],
    step: Step,
    name: str,
    sockets: Sequence[socket.socket],
    conduct: Conduct,
    connections: int,
) -> Done:
    """Serve the blob as `name` on `sockets` until stopped, which is how a server ends well."""
    index = step.detail_as(NbdDetail).index
    limits = Limits(connections, task.spec.drain)
    threads = task.machine.workers.count
    with live_stores(task, Reading(index.algorithm, index.largest)) as stores:
        reader = BlobReader(index, stores.source, memory=task.spec.memory, threads=threads)
        server = NbdServer(Export(name, reader), sockets, limits, task.warn)
        try:
            server.run(_Control(conduct, stores.reload))
        finally:
            stores.stop()
            reader.close()
    statistics = {
        "requests": server.tally.requests,
        "bytes": server.tally.bytes,
        "stores": place_statistics(stores.source.counts()),
    }
    return Done(statistics=statistics)


class _Control:
    """Passes on how the server is to conduct itself."""

    def __init__(self, conduct: Conduct, reload: Callable[[], None]) -> None:
        self._conduct = conduct
        self._reload = reload

    def ready(self) -> None:
        self._conduct.ready()

    def goes_on(self) -> bool:
        if self._conduct.noted.take():
            self._reload()
        return not self._conduct.is_stopped()
