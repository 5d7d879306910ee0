"""The engine of many machines: a Dask cluster, whose workers are given shares of the batches.

The order of results, statistics and events is that of the batches, whoever did them. A share whose
worker is lost is done by another one: Dask gives it away again, and doing work twice leads to the
same. Leases stay with this process, which looks at them before it gives more away.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final, TypeVar

from distributed import Client, Future, wait
from distributed.client import FuturesCancelledError
from distributed.comm.core import CommClosedError

from desync_jobs.errors import ClusterError
from desync_jobs.execute.engines.base import Tally, Work
from desync_jobs.execute.engines.cluster import LOOK_AGAIN, begun, cluster_of, patiently
from desync_jobs.execute.engines.failing import told_of
from desync_jobs.execute.engines.reaching import Reached
from desync_jobs.execute.engines.shares import Answer, Share, StepOnWorker, do_share
from desync_jobs.execute.task import Machine, Task
from desync_jobs.manifest.engine import DaskEngineSpec
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.spread import SPREAD_WORDS, spread_operations
from desync_jobs.report.events import Warned

B = TypeVar("B")
R = TypeVar("R")

_CHUNKS: Final = 1024
"""Chunks of the first shares, at least: to give one away and take its answer costs some
milliseconds, here and in the scheduler."""
_GROWTH: Final = 8
"""Times as many has a share of a long step: the first ones are small, so that each worker has one
soon."""
_END: Final = 60.0
"""Seconds for shares to end when they are not wanted any more."""
_SILENT: Final = 10.0
"""Seconds for workers to hear that a step has ended: one that has fallen silent is not waited for
until its scheduler gives it up, after five minutes."""
_ALONE: Final = 60.0
"""Seconds for which a cluster without workers is waited for."""
_COUNT_AGAIN: Final = 1.0
"""Seconds after which workers are counted again."""


@contextmanager
def connected(spec: DaskEngineSpec, machine: Machine) -> Iterator["DaskEngine"]:
    """Have the cluster while inside, every worker of which was found fit for the job.

    Says which operations are done here all the same. `ClusterError` as from `cluster_of`.
    """
    spread = spread_operations(machine.job.spec)
    for name in machine.job.spec.operations:
        if name not in spread:
            message = f"runs on this machine alone; the cluster does {SPREAD_WORDS}"
            machine.reporter.emit(Warned(name, message))
    # What workers do not need is not sent: values of variables, and the lock.
    job = replace(machine.job, variables={}, lock=None)
    with cluster_of(spec, machine, job) as (client, directories):
        machine.cancel.check()
        yield DaskEngine(client, job, directories)


class DaskEngine:
    """Gives batches to the workers of a cluster, at least 1024 chunks at a time."""

    def __init__(self, client: Client, job: Job, directories: Sequence[Reached]) -> None:
        self._client = client
        self._job = job
        self._directories = directories
        self._known: Mapping[str, int] = {}
        self._count_at = 0.0

    def spread(
        self,
        task: Task[Any],
        work: Work[Task[Any], B, R],
        batches: Iterable[B],
        tallied: Callable[[Tally], None],
    ) -> Generator[R, None, None]:
        name = f"desync-run-{task.name}-{secrets.token_hex(8)}"
        step = StepOnWorker(name, task.name, self._job, work, self._directories)
        waiting: deque[Future[Answer[R]]] = deque()
        with told_of(task.name):
            try:
                patiently(task.machine.cancel, lambda: self._client.register_plugin(step))
                for share in _shares(work, batches, self._depth):
                    if len(waiting) >= self._depth():
                        yield from self._results(task, waiting[0], tallied)
                        del waiting[0]
                    task.leases.check()
                    waiting.append(self._given(name, share))
                while waiting:
                    yield from self._results(task, waiting[0], tallied)
                    del waiting[0]
                task.leases.check()
            finally:
                # Without the plugin running shares end before their next batch, others do nothing.
                with suppress(OSError, CommClosedError, ValueError):
                    ending = begun(lambda: self._client.unregister_worker_plugin(name))
                    with suppress(TimeoutError):
                        ending.result(_SILENT)
                    self._settle(waiting)

    def _depth(self) -> int:
        """Return how many shares are under way: two for each thread, so that none runs dry."""
        return max(2, 2 * sum(self._threads().values()))

    def _threads(self) -> Mapping[str, int]:
        """Return how many threads each worker has or had lately, by their addresses."""
        now = time.monotonic()
        if now >= self._count_at:
            self._known = self._client.nthreads()
            self._count_at = now + _COUNT_AGAIN
        return self._known

    def _given(self, name: str, batches: Sequence[B]) -> "Future[Answer[R]]":
        share = Share(batches, workers=max(1, len(self._threads())))
        key = f"{name}-{secrets.token_hex(8)}"
        return self._client.submit(do_share, name, share, pure=False, key=key)

    def _results(
        self, task: Task[Any], future: "Future[Answer[R]]", tallied: Callable[[Tally], None]
    ) -> Generator[R, None, None]:
        self._wait(task, future)
        answer = future.result()
        for message in answer.warnings:
            task.warn(message)
        yield from answer.results
        if answer.error is not None:
            raise answer.error
        tallied(answer.tally)

    def _wait(self, task: Task[Any], future: "Future[Answer[R]]") -> None:
        """Return when there is an answer, or an error in place of one."""
        alone = 0.0
        while True:
            task.machine.cancel.check()
            task.leases.check()
            try:
                self._look(future)
            except TimeoutError:
                alone = 0.0 if self._threads() else alone + LOOK_AGAIN
                if alone > _ALONE:
                    raise ClusterError("engine dask: the cluster has no workers left") from None
            else:
                return

    def _look(self, future: "Future[Any]") -> None:
        """Return when there is an outcome; `TimeoutError` where there is none yet."""
        with self._client.as_current():
            wait([future], timeout=LOOK_AGAIN)

    def _settle(self, futures: Iterable["Future[Any]"]) -> None:
        """Return when nobody works on `futures` any more, or that took too long."""
        end = time.monotonic() + _END
        for future in futures:
            while time.monotonic() < end and self._threads():
                with suppress(TimeoutError, FuturesCancelledError):
                    self._look(future)
                    break


def _shares(
    work: Work[Task[Any], B, R], batches: Iterable[B], depth: Callable[[], int]
) -> Iterator[list[B]]:
    """Yield shares, which grow by as many chunks as the first had with each `depth` of them."""
    share: list[B] = []
    chunks = given = 0
    for batch in batches:
        share.append(batch)
        chunks += work.chunks(batch)
        if chunks >= _CHUNKS * min(_GROWTH, 1 + given // depth()):
            yield share
            share, chunks, given = [], 0, given + 1
    if share:
        yield share
