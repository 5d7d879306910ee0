"""What a worker of a cluster is sent, what it does with that, and what it sends back.

A plugin carries the job to every worker, those that come later as well, and takes the wish to
stop to them: it is taken away. A share is a task: the batches of one step that go together.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeVar

from distributed import WorkerPlugin, get_worker

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import ClusterError, DesyncRunError, InterruptedRunError
from desync_jobs.execute.engines.asking import machine_of_worker, why_unfit
from desync_jobs.execute.engines.base import Opened, Tally, Work, batches_of
from desync_jobs.execute.engines.reaching import Reached
from desync_jobs.execute.engines.versions import HERE, other_version
from desync_jobs.execute.task import Task
from desync_jobs.manifest.job import Job
from desync_jobs.report.events import Event, Warned
from desync_jobs.stores.counters import NO_COUNTS

B = TypeVar("B")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Share(Generic[B]):
    """Batches that one worker does, one after the other."""

    batches: Sequence[B]
    workers: int
    """How many workers the cluster has, and what hosts allow a second is for."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """What came of a share."""

    results: Sequence[R]
    """Of its batches in order, as far as it came; what they did lasts."""
    tally: Tally
    warnings: tuple[str, ...] = ()
    error: DesyncRunError | None = None
    """Why it came no further."""


class Warnings:
    """A reporter that keeps what is to be told where the run was started."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._messages: list[str] = []

    def emit(self, event: Event) -> None:
        """Keep a warning."""
        if isinstance(event, Warned):
            with self._lock:
                self._messages.append(event.message)

    def close(self) -> None:
        """Have nothing to release."""

    def taken(self) -> tuple[str, ...]:
        """Return what was kept, once."""
        with self._lock:
            taken, self._messages = tuple(self._messages), []
        return taken


class StepOnWorker(WorkerPlugin, Generic[B, R]):
    """One step of a job, on each worker for as long as the step runs.

    What is pickled is the job, with references to secrets, how its directories looked, and the
    versions of what has to be the same.
    """

    def __init__(
        self,
        name: str,
        operation: str,
        job: Job,
        work: Work[Task[Any], B, R],
        directories: Sequence[Reached],
    ) -> None:
        self.name = name
        self._operation = operation
        self._job = job
        self._work = work
        self._directories = tuple(directories)
        self._versions = dict(HERE)

    def setup(self, worker: Any) -> None:
        """Make what the shares of this worker have in common."""
        self._address = worker.address
        self._cancel = Cancel()
        self._warnings = Warnings()
        machine = machine_of_worker(self._job, self._cancel, self._warnings)
        self._task = Task(self._operation, self._job.spec.operations[self._operation], machine)
        self._lock = Lock()
        self._opened: Opened[B, R] | None = None
        self._told: Tally = {}
        self._under_way = 0
        self._ended = False

    def teardown(self, worker: Any) -> None:  # noqa: ARG002 - Dask names it
        """Have shares end before their next batch, and no more begin."""
        self._cancel.stop("SIGTERM")
        with self._lock:
            self._ended = True
            last = not self._under_way
        if last:
            self._task.machine.places.close()

    def do(self, share: Share[B]) -> Answer[R]:
        """Do a share; what goes wrong is in the answer."""
        with self._counted() as wanted:
            if not wanted:
                return Answer([], {}, error=InterruptedRunError("SIGTERM"))
            return self._answered(share)

    @contextmanager
    def _counted(self) -> Iterator[bool]:
        """Tell whether shares are wanted; the last one closes the places if the step has ended."""
        with self._lock:
            self._under_way += 1
            wanted = not self._ended
        try:
            yield wanted
        finally:
            with self._lock:
                self._under_way -= 1
                last = self._ended and not self._under_way
            if last:
                self._task.machine.places.close()

    def _answered(self, share: Share[B]) -> Answer[R]:
        try:
            opened = self._open()
            self._task.machine.places.hosts.share(share.workers)
            results, error = self._done(opened, share.batches)
            # What came before an error lasts, too: it may be noted as done.
            return Answer(results, self._tally(opened), self._warnings.taken(), error)
        except DesyncRunError as error:
            return Answer([], {}, self._warnings.taken(), error)

    def _done(
        self, opened: Opened[B, R], batches: Sequence[B]
    ) -> tuple[list[R], DesyncRunError | None]:
        """Do batches as far as that goes, and return what came of them and what went wrong."""
        results: list[R] = []
        try:
            for batch in batches_of(opened, batches):
                self._cancel.check()
                results.append(opened.do(batch))
        except InterruptedRunError:
            raise
        except DesyncRunError as error:
            return results, error
        return results, None

    def _open(self) -> Opened[B, R]:
        """Return what all shares use, opened by the first: then the worker shows that it is fit."""
        with self._lock:
            if self._opened is None:
                # Workers that come in the middle of a run were not asked before it.
                why = other_version(HERE, self._versions) or why_unfit(
                    self._task, self._directories
                )
                if why is not None:
                    raise ClusterError(f"engine dask: worker {self._address}: {why}")
                self._opened = self._work.open(self._task)
            return self._opened

    def _tally(self, opened: Opened[B, R]) -> Tally:
        """Return what was counted since it was told last."""
        with self._lock:
            now = opened.finish()
            before, self._told = self._told, now
            return {name: counts - before.get(name, NO_COUNTS) for name, counts in now.items()}


def do_share(name: str, share: Share[B]) -> Answer[Any]:
    """Do a share of the step whose plugin is called `name`, on a worker."""
    plugin = get_worker().plugins.get(name)
    if not isinstance(plugin, StepOnWorker):
        return Answer([], {}, error=InterruptedRunError("SIGTERM"))
    return plugin.do(share)
