"""The cluster of a job, whose workers were found fit for it.

Whoever may speak to a scheduler has each of its workers, and this process, run what he likes: Dask
sends pickles. So a scheduler that is not of this machine is asked over TLS, where only those with a
certificate are heard, or in a network whose machines all trust each other. Processes that are
started for a run are reached with certificates that are made for it.
"""

import logging
import pkgutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import Any, Final, TypeVar

import dask.config
from distributed import Client, LocalCluster
from distributed.security import Security
from distributed.versions import VersionMismatchWarning

from desync_jobs._version import __version__
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import ClusterError
from desync_jobs.execute.blobs import folders_of_blobs
from desync_jobs.execute.engines.asking import unfit_here
from desync_jobs.execute.engines.failing import told_of
from desync_jobs.execute.engines.reaching import Reached, kernel_id, reached, tokens_in
from desync_jobs.execute.engines.versions import ASKED_FOR, HERE, other_version
from desync_jobs.execute.task import Machine
from desync_jobs.manifest.engine import DaskEngineSpec
from desync_jobs.manifest.job import Job
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.manifest.spread import spread_operations, spread_roots
from desync_jobs.stores.extras import need

T = TypeVar("T")

_CONNECT: Final = 10.0
"""Seconds for a scheduler to answer."""
_PRELOAD: Final = "desync_jobs.execute.engines.left_alone"
_LARGE: Final = "distributed.admin.large-graph-warning-threshold"
_OF_INDEXES: Final = "4GiB"
"""From where on Dask warns of what it is sent: an index of a million chunks has 40 MB."""
LOOK_AGAIN: Final = 0.2
"""Seconds between two looks whether the run is to stop."""


@contextmanager
def cluster_of(
    spec: DaskEngineSpec, machine: Machine, job: Job
) -> Iterator[tuple[Client, Sequence[Reached]]]:
    """Have a client, and the directories that workers see as this process does.

    `job` is what is sent to them. `ClusterError` where there is no cluster, it has no workers, or
    one of them has other versions, sees other directories, or has no answer from a store.
    """
    with ExitStack() as opened:
        opened.enter_context(_quiet())
        opened.enter_context(dask.config.set({_LARGE: _OF_INDEXES}))
        client = opened.enter_context(_client(spec, machine.job, opened))
        _check_versions(_of_each(client, machine.cancel, pkgutil.resolve_name, ASKED_FOR))
        directories = _directories(machine.job)
        kernels = _of_each(client, machine.cancel, kernel_id)
        if set(kernels.values()) != {kernel_id()}:
            directories = opened.enter_context(tokens_in(directories))
        names = spread_operations(job.spec)
        unfit = _of_each(client, machine.cancel, _unfit_there, job, names, directories)
        for worker, why in sorted(unfit.items()):
            if why is not None:  # in words, or as an error
                raise ClusterError(
                    f"engine dask: worker {worker}: {why}; nothing was done; see that every worker "
                    "reaches what it needs under the same name, or leave the engine out"
                )
        yield client, directories


@contextmanager
def _quiet() -> Iterator[None]:
    """Have Dask log nothing here while inside: what goes wrong is told in words of this program."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)


async def _unfit_there(
    job: Job, operations: Sequence[str], directories: Sequence[Reached]
) -> str | None:
    """Ask in a thread, while the worker goes on to tell its scheduler that it lives."""
    import asyncio

    return await asyncio.to_thread(unfit_here, job, operations, directories)


def _client(spec: DaskEngineSpec, job: Job, opened: ExitStack) -> Client:
    address: Any = spec.scheduler
    security = _security(spec, job)
    if address is None:
        address = opened.enter_context(_started(spec))
        security = address.security
    try:
        with warnings.catch_warnings():
            # Versions are compared here, and what counts is an error.
            warnings.simplefilter("ignore", VersionMismatchWarning)
            return Client(address, timeout=_CONNECT, set_as_default=False, security=security)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"engine dask: no scheduler answers at {address}: {error}; start one, or leave "
            "the engine out"
        ) from error


def _started(spec: DaskEngineSpec) -> LocalCluster:
    need("cryptography", "dask", "engine dask")
    return LocalCluster(
        n_workers=spec.workers,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
        protocol="tls://",
        security=Security.temporary(),
        preload=[_PRELOAD],
    )


def _security(spec: DaskEngineSpec, job: Job) -> Security | None:
    """Return the certificates that the job names; without any, Dask's own configuration counts."""
    if spec.tls_ca is None or spec.tls_cert is None or spec.tls_key is None:
        return None
    security = Security(
        tls_ca_file=job.path(spec.tls_ca),
        tls_client_cert=job.path(spec.tls_cert),
        tls_client_key=job.path(spec.tls_key),
        require_encryption=True,
    )
    try:
        security.get_connection_args("client")
    except OSError as error:
        raise ClusterError(
            f"engine dask: tls_ca, tls_cert and tls_key cannot be used: {error}"
        ) from error
    return security


def _check_versions(found: Mapping[str, Any]) -> None:
    """Raise `ClusterError` unless there are workers, with the versions of this process."""
    if not found:
        raise ClusterError("engine dask: the cluster has no workers; start some")
    for worker, versions in sorted(found.items()):
        if isinstance(versions, Exception):
            raise ClusterError(
                f"engine dask: worker {worker} does not have this program: {versions}; "
                f"install desync-jobs {__version__} there"
            )
        other = other_version(versions, HERE)
        if other is not None:
            raise ClusterError(f"engine dask: worker {worker} {other}")


def _directories(job: Job) -> list[Reached]:
    """Return the directories that workers have to see as this process does."""
    names = [
        member
        for operation in spread_operations(job.spec)
        for place in job.spec.operations[operation].access().places
        for member in job.spec.members(place)
        if job.spec.place(member).directory is not None
    ]
    roots = [url for _, url in spread_roots(job.spec) if not url_scheme(url)]
    return [
        *(reached(f"store {name}", job.location(name)) for name in dict.fromkeys(names)),
        *(reached(f"roots {url}", job.path(url)) for url in dict.fromkeys(roots)),
        *_of_blobs(job),
    ]


def _of_blobs(job: Job) -> Iterator[Reached]:
    for name in spread_operations(job.spec):
        operation = job.spec.operations[name]
        if operation.kind == "make":
            for folder in folders_of_blobs(job, operation):
                yield reached(f"blobs of {name}", folder)


def _of_each(
    client: Client, cancel: Cancel, function: Callable[..., Any], *given: Any
) -> dict[str, Any]:
    """Have each worker call `function`; return what came of it, errors too, by their addresses."""
    with told_of("asking the workers"):
        return patiently(cancel, lambda: client.run(function, *given, on_error="return"))


def patiently(cancel: Cancel, call: Callable[[], T]) -> T:
    """Return what `call` does, which may take its time; a run that is stopped does not wait."""
    answer = begun(call)
    while not wait([answer], LOOK_AGAIN).done:
        cancel.check()
    return answer.result()


def begun(call: Callable[[], T]) -> "Future[T]":
    """Begin `call`, in a thread that no end of this process waits for."""
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            answer.set_exception(error)

    Thread(target=work, name="desync-run-cluster", daemon=True).start()
    return answer
