"""What a worker of a cluster is sent, what it does with that, and what it sends back.

A plugin carries the job to every worker, those that come later as well, and takes the wish to
stop to them: it is taken away. A share is a task: the batches of one step that go together.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeVar

from distributed import WorkerPlugin, get_worker

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.kernel import best
from desync_jobs.errors import ClusterError, DesyncRunError, InterruptedRunError
from desync_jobs.execute.engines.base import Tally, Work
from desync_jobs.execute.engines.reaching import Reached
from desync_jobs.execute.progress import Progress
from desync_jobs.execute.task import Machine, Streams, Task
from desync_jobs.manifest.job import Job
from desync_jobs.report.events import Event, Warned

B = TypeVar("B")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Share(Generic[B, R]):
    """Batches that one worker does, one after the other."""

    work: Work[B, R]
    batches: Sequence[B]


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """What came of a share."""

    results: Sequence[R]
    """Of its batches in order, as far as it came."""
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


class StepOnWorker(WorkerPlugin):
    """One step of a job, on each worker for as long as the step runs.

    What is pickled is the job, with references to secrets, and how its directories looked.
    """

    def __init__(self, name: str, operation: str, job: Job, directories: Sequence[Reached]) -> None:
        self.name = name
        self._operation = operation
        self._job = job
        self._directories = tuple(directories)

    def setup(self, worker: Any) -> None:  # noqa: ARG002 - Dask names it
        """Make what the shares of this worker have in common."""
        self._cancel = Cancel()
        self._warnings = Warnings()
        machine = Machine(
            job=self._job,
            kernel=best(),
            workers=Workers(1, self._cancel),  # its thread begins when it has something to do
            cancel=self._cancel,
            reporter=self._warnings,
            progress=Progress(self._warnings),
            streams=Streams(io.BytesIO(), io.BytesIO(), self._cancel),
        )
        self._task = Task(self._operation, self._job.spec.operations[self._operation], machine)

    def teardown(self, worker: Any) -> None:  # noqa: ARG002 - Dask names it
        """Have shares end before their next batch, and no more begin."""
        self._cancel.stop("SIGTERM")

    def do(self, share: Share[B, R]) -> Answer[R]:
        """Do a share; what goes wrong is in the answer."""
        results: list[R] = []
        try:
            self._check_directories()
            opened = share.work.open(self._task)
            for batch in share.batches:
                self._cancel.check()
                results.append(opened.do(batch))
            return Answer(results, opened.finish(), self._warnings.taken())
        except DesyncRunError as error:
            return Answer(results, {}, self._warnings.taken(), error)

    def _check_directories(self) -> None:
        for directory in self._directories:
            unlike = directory.unlike()
            if unlike is not None:
                raise ClusterError(f"a worker that came later: {unlike}")


def do_share(name: str, share: Share[B, R]) -> Answer[R]:
    """Do a share of the step whose plugin is called `name`, on a worker."""
    plugin = get_worker().plugins.get(name)
    if not isinstance(plugin, StepOnWorker):
        return Answer([], {}, error=InterruptedRunError("SIGTERM"))
    return plugin.do(share)


def unlike_here(directories: Sequence[Reached]) -> str | None:
    """Say why the first of `directories` that is not the same here is not; None where all are."""
    return next((why for why in (one.unlike() for one in directories) if why is not None), None)
