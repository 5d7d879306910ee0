"""Whether a worker of a cluster can do operations: it sees their directories, and stores answer it.

Found out on the worker, with its own secrets, libraries and network, before anything is done.
"""

import io
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.chunk import CHUNK_ID_SIZE, DigestAlgorithm
from desync_jobs.core.kernel import best
from desync_jobs.errors import DesyncRunError
from desync_jobs.execute.engines.frames import look_undisturbed
from desync_jobs.execute.engines.local import LocalEngine
from desync_jobs.execute.engines.reaching import Reached
from desync_jobs.execute.opening import Reading, open_place_of_indexes, open_stores
from desync_jobs.execute.progress import Progress
from desync_jobs.execute.task import Machine, Streams, Task
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.manifest.spread import spread_roots
from desync_jobs.report.events import Reporter, SilentReporter
from desync_jobs.stores.places import Places


def machine_of_worker(job: Job, cancel: Cancel, reporter: Reporter) -> Machine:
    """Return what all operations on a worker share."""
    look_undisturbed()  # what is made here is what the collector finds
    workers = Workers(1, cancel)  # its thread begins when it has something to do
    return Machine(
        job=job,
        kernel=best(),
        workers=workers,
        cancel=cancel,
        reporter=reporter,
        progress=Progress(reporter),
        streams=Streams(io.BytesIO(), io.BytesIO(), cancel),
        engine=LocalEngine(workers),
    )


def why_unfit(task: Task[Any], directories: Iterable[Reached]) -> str | None:
    """Say why this process cannot do the operation of `task`; None where it can.

    Each store that is elsewhere is asked for a chunk that nobody has, and each such place of
    indexes for an index. A failover group, or one whose errors are skipped, answers as it does in a
    run.
    """
    unlike = (one.unlike() for one in directories)
    why = next((one for one in unlike if one is not None), None)
    # What is asked here is not counted among what the operation asks.
    with closing(Places()) as places:
        aside = replace(task, machine=replace(task.machine, places=places))
        return why or next(filter(None, _silences(aside)), None)


def unfit_here(job: Job, operations: Sequence[str], directories: Sequence[Reached]) -> str | None:
    """Say why this process cannot do all `operations` of a job; None where it can."""
    machine = machine_of_worker(job, Cancel(), SilentReporter())
    found = (
        why_unfit(Task(name, job.spec.operations[name], machine), directories)
        for name in operations
    )
    return next(filter(None, found), None)


def _silences(task: Task[Any]) -> Iterator[str | None]:
    """Ask each place of the operation that is elsewhere; yield why it does not answer."""
    spec = task.machine.job.spec
    for name in task.spec.access().places:
        if any(spec.place(member).directory is None for member in spec.members(name)):
            yield _error_of(_ask_store, task, name)
    for where, url in spread_roots(spec):
        if task.name in where and url_scheme(url):
            yield _error_of(_ask_root, task, url)


def _ask_store(task: Task[Any], name: str) -> None:
    nobody_has = secrets.token_bytes(CHUNK_ID_SIZE)
    open_stores(task, (name,), Reading(DigestAlgorithm.SHA512_256)).fetch([nobody_has])


def _ask_root(task: Task[Any], url: str) -> None:
    open_place_of_indexes(task, url).sizes([secrets.token_hex(CHUNK_ID_SIZE)])


def _error_of(ask: Callable[[Task[Any], str], None], task: Task[Any], place: str) -> str | None:
    try:
        ask(task, place)
    except DesyncRunError as error:
        return str(error)
    return None
