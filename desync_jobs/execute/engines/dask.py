"""The engine of many machines: a Dask cluster, whose workers are given shares of the batches.

The order of results, statistics and events is that of the batches, whoever did them. A share whose
worker is lost is done by another one: Dask gives it away again, and doing work twice leads to the
same. Leases stay with this process, which looks at them before it gives more away.
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from distributed import Client, Future, KilledWorker, LocalCluster, wait
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError

from desync_jobs._version import __version__
from desync_jobs.errors import ClusterError, DesyncRunError
from desync_jobs.execute.engines.base import Tally, Work
from desync_jobs.execute.engines.reaching import Reached, kernel_id, reached, tokens_in
from desync_jobs.execute.engines.shares import Answer, Share, StepOnWorker, do_share, unlike_here
from desync_jobs.execute.task import Machine
from desync_jobs.manifest.engine import SPREAD_KINDS, DaskEngineSpec
from desync_jobs.manifest.job import Job
from desync_jobs.report.events import Warned

if TYPE_CHECKING:
    from desync_jobs.execute.task import Task

B = TypeVar("B")
R = TypeVar("R")

_CHUNKS: Final = 1024
"""Chunks of a share, at least: to give it away and take its answer costs some milliseconds."""
_CONNECT: Final = 10.0
"""Seconds for a scheduler to answer."""
_LOOK_AGAIN: Final = 0.2
"""Seconds between two looks whether the run is to stop."""
_END: Final = 60.0
"""Seconds for shares to end when they are not wanted any more."""
_ALONE: Final = 60.0
"""Seconds for which a cluster without workers is waited for."""
_VERSION: Final = "desync_jobs._version:__version__"


@contextmanager
def connected(spec: DaskEngineSpec, machine: Machine) -> Iterator["DaskEngine"]:
    """Have the cluster while inside, every worker of which was found fit for the job.

    Says which operations are done here all the same. `ClusterError` where there is no cluster, it
    has no workers, they have another version of this program, or do not see the same directories.
    """
    for name, operation in machine.job.spec.operations.items():
        if operation.kind not in SPREAD_KINDS:
            words = " and ".join(SPREAD_KINDS)
            message = f"runs on this machine alone; the cluster does {words}"
            machine.reporter.emit(Warned(name, message))
    with ExitStack() as opened:
        client = opened.enter_context(_client(spec, opened))
        workers = _versions(client)
        directories = _directories(machine.job)
        if set(client.run(kernel_id).values()) != {kernel_id()}:
            directories = opened.enter_context(tokens_in(directories))
        _check_directories(client, directories)
        machine.cancel.check()
        yield DaskEngine(client, len(workers), directories)


def _client(spec: DaskEngineSpec, opened: ExitStack) -> Client:
    address: Any = spec.scheduler
    if address is None:
        address = opened.enter_context(
            LocalCluster(
                n_workers=spec.workers,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        )
    try:
        return Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"engine dask: no scheduler answers at {address}: {error}; start one, or leave "
            "the engine out"
        ) from error


def _versions(client: Client) -> list[str]:
    """Return the workers; each has the version of this process."""
    import pkgutil

    found = client.run(pkgutil.resolve_name, _VERSION, on_error="return")
    if not found:
        raise ClusterError("engine dask: the cluster has no workers; start some")
    for worker, version in sorted(found.items()):
        if isinstance(version, Exception):
            raise ClusterError(
                f"engine dask: worker {worker} does not have this program: {version}; "
                f"install desync-jobs {__version__} there"
            )
        if version != __version__:
            raise ClusterError(
                f"engine dask: worker {worker} has version {version}, and this is "
                f"{__version__}; install the same one in both places"
            )
    return sorted(found)


def _directories(job: Job) -> list[Reached]:
    """Return the directories that workers have to see as this process does."""
    names = [
        member
        for operation in job.spec.operations.values()
        if operation.kind in SPREAD_KINDS
        for place in operation.access().places
        for member in job.spec.members(place)
        if job.spec.place(member).directory is not None
    ]
    return [reached(f"store {name}", job.location(name)) for name in dict.fromkeys(names)]


def _check_directories(client: Client, directories: list[Reached]) -> None:
    for worker, unlike in sorted(client.run(unlike_here, directories).items()):
        if unlike is not None:
            raise ClusterError(
                f"engine dask: worker {worker}: {unlike}; nothing was done; put the store where "
                "every worker reaches it under the same name, or leave the engine out"
            )


class DaskEngine:
    """Gives batches to the workers of a cluster, at least 1024 chunks at a time."""

    def __init__(self, client: Client, workers: int, directories: list[Reached]) -> None:
        self._client = client
        self._workers = workers
        self._directories = directories

    def spread(
        self,
        task: "Task[Any]",
        work: Work[B, R],
        batches: Iterable[B],
        tallied: Callable[[Tally], None],
    ) -> Generator[R, None, None]:
        name = f"desync-run-{task.name}-{secrets.token_hex(8)}"
        # What the step does not need is not sent: values of variables, and the lock.
        job = replace(task.machine.job, variables={}, lock=None)
        waiting: deque[Future[Answer[R]]] = deque()
        with _told(task):
            self._client.register_plugin(StepOnWorker(name, task.name, job, self._directories))
            try:
                for share in _shares(work, batches):
                    if len(waiting) >= self._depth():
                        yield from self._results(task, waiting[0], tallied)
                        del waiting[0]
                    _look_at_leases(task)
                    waiting.append(
                        self._client.submit(do_share, name, share, pure=False, key=_key(name))
                    )
                while waiting:
                    yield from self._results(task, waiting[0], tallied)
                    del waiting[0]
                _look_at_leases(task)
            finally:
                # Without the plugin running shares end before their next batch, others do nothing.
                with suppress(OSError, CommClosedError, TimeoutError):
                    self._client.unregister_worker_plugin(name)
                    if waiting:
                        self._settle(waiting, _END)

    def _depth(self) -> int:
        """Return how many shares are under way: two for each thread, so that none runs dry."""
        threads: int = sum(self._client.nthreads().values())
        return 2 * max(threads, self._workers)

    def _results(
        self, task: "Task[Any]", future: "Future[Answer[R]]", tallied: Callable[[Tally], None]
    ) -> Generator[R, None, None]:
        self._wait(task, future)
        answer = future.result()
        for message in answer.warnings:
            task.warn(message)
        yield from answer.results
        if answer.error is not None:
            raise answer.error
        tallied(answer.tally)

    def _wait(self, task: "Task[Any]", future: "Future[Answer[R]]") -> None:
        """Return when there is an answer, or an error in place of one."""
        alone = 0.0
        while True:
            task.machine.cancel.check()
            try:
                self._settle([future], _LOOK_AGAIN)
            except TimeoutError:
                alone = 0.0 if self._client.nthreads() else alone + _LOOK_AGAIN
                if alone > _ALONE:
                    raise ClusterError("engine dask: the cluster has no workers left") from None
            else:
                return

    def _settle(self, futures: Iterable["Future[Any]"], seconds: float) -> None:
        """Return when there is an outcome of each; `TimeoutError` after some seconds."""
        with self._client.as_current():
            wait(list(futures), timeout=seconds)


def _shares(work: Work[B, R], batches: Iterable[B]) -> Iterator[Share[B, R]]:
    share: list[B] = []
    chunks = 0
    for batch in batches:
        share.append(batch)
        chunks += work.chunks(batch)
        if chunks >= _CHUNKS:
            yield Share(work, share)
            share, chunks = [], 0
    if share:
        yield Share(work, share)


def _key(name: str) -> str:
    return f"{name}-{secrets.token_hex(8)}"


def _look_at_leases(task: "Task[Any]") -> None:
    for lease in task.leases.values():
        lease.check()


@contextmanager
def _told(task: "Task[Any]") -> Iterator[None]:
    """Say what goes wrong with a cluster in words of this program."""
    try:
        yield
    except KilledWorker as error:
        raise ClusterError(
            f"engine dask: {task.name}: one share of the chunks ended "
            f"{error.allowed_failures + 1} workers, one after the other, the last at "
            f"{error.last_worker.address}; look at that worker's log, such as for want of memory"
        ) from error
    except (CommClosedError, FutureCancelledError, TimeoutError) as error:
        raise ClusterError(
            f"engine dask: {task.name}: the scheduler is gone; what was done before is complete"
        ) from error
    except DesyncRunError:
        raise
    except OSError as error:
        raise ClusterError(f"engine dask: {task.name}: the cluster fails: {error}") from error
