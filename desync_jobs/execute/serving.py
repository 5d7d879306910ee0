"""Serving until stopped: one process of one server operation.

Stores do not hear of the run's end before every request under way is answered or its time is over,
so a slow answer is not cut off by what asks the server to stop.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.execute.task import Task
from desync_jobs.manifest.serving import ServerSpec
from desync_jobs.server.access_log import AccessLog
from desync_jobs.server.authorization import Authorization
from desync_jobs.server.front import Admission, App, Front
from desync_jobs.server.garbage import collected_seldom
from desync_jobs.server.listening import Certificates
from desync_jobs.server.metrics import Metrics
from desync_jobs.server.serving import Limits, Serving, Site
from desync_jobs.stores.places import Places
from desync_jobs.stores.secrets import Secret

S = TypeVar("S", bound=ServerSpec)
S_co = TypeVar("S_co", bound=ServerSpec, covariant=True)

THREADS: Final = 16
"""Threads of a process that wait for stores."""
_ENDED: Final = "SIGTERM"


@dataclass(frozen=True, slots=True)
class Means:
    """What the apps of one process work with, whatever they serve."""

    executor: Executor
    metrics: Metrics
    closing: ExitStack
    """What is to be done when the last answer was given."""


Opener = Callable[[Task[S], Means], App]
"""Opens what an operation serves; raises where a store is not there."""


def opener_of(kind: str) -> Opener[Any]:
    """Return what opens operations of a kind: `serve-chunks` has `serving_chunks.open_chunks`."""
    served = kind.removeprefix("serve-")
    module = import_module(f"desync_jobs.execute.serving_{served}")
    return cast("Opener[Any]", getattr(module, f"open_{served}"))


def kind_of(spec: ServerSpec) -> str:
    """Return the kind of an operation that serves."""
    kind: str = spec.kind  # type: ignore[attr-defined] # every kind has it, as its own literal
    return kind


class Orders(Protocol[S_co]):
    """How the process is told what to do."""

    def ready(self) -> None:
        """Take note that connections are accepted."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether it is to end."""
        ...

    def reload(self) -> Callable[[], Task[S_co]] | None:
        """Return what reads the operation again, once for each time that it is to be."""
        ...


def serve_here(
    task: Task[S],
    sockets: Sequence[socket.socket],
    metrics: Metrics,
    orders: Orders[S],
) -> None:
    """Serve on `sockets` until `orders` say stop, and until what was under way then is done.

    Raises what is wrong with stores, secrets and certificates before it begins.
    """
    spec = task.spec
    stores_end = Cancel()
    executor = ThreadPoolExecutor(THREADS, "serve")
    closing = ExitStack()
    try:
        opener = opener_of(kind_of(task.spec))
        sites = _Sites(opener, Means(executor, metrics, closing), stores_end, orders)
        site = sites.open(task)
        log = None if spec.access_log is None else AccessLog(task.path(spec.access_log))
        front = Front(site.admission, metrics, task.warn, log)
        serving = Serving(front, sockets, Limits(spec.connections, spec.drain), metrics)
        with collected_seldom(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serving.run(site.tls, sites, task.warn))
    finally:
        closing.close()
        stores_end.stop(_ENDED)
        executor.shutdown(wait=False, cancel_futures=True)


class _Sites(Generic[S]):
    """Opens sites, and passes orders on to the event loop."""

    def __init__(
        self, opener: Opener[S], means: Means, stores_end: Cancel, orders: Orders[S]
    ) -> None:
        self._opener = opener
        self._means = means
        self._stores_end = stores_end
        self._orders = orders

    def open(self, task: Task[S]) -> Site:
        """Open what `task` serves, and read its secrets and certificates."""
        # Places that are open already were opened for the run, and are stopped with it.
        machine = replace(task.machine, cancel=self._stores_end, places=Places())
        unstopped = replace(task, machine=machine)
        admission = Admission(self._opener(unstopped, self._means), _authorization(unstopped))
        # What is broken in their files after this does not harm those who ask.
        machine.places.look_up_secrets()
        tls = task.spec.tls
        if tls is None:
            return Site(admission)
        client_ca = None if tls.client_ca is None else task.path(tls.client_ca)
        certificates = Certificates(task.path(tls.cert), task.path(tls.key), client_ca)
        return Site(admission, certificates.context())

    def ready(self) -> None:
        """Pass it on."""
        self._orders.ready()

    @property
    def stopped(self) -> bool:
        """Whether the process is to end."""
        return self._orders.stopped

    def reload(self) -> Callable[[], Site] | None:
        """Return what opens the new site, where one is wanted."""
        load = self._orders.reload()
        return None if load is None else lambda: self.open(load())


def _authorization(task: Task[S]) -> Authorization:
    spec = task.spec.authorization
    if spec is None:
        return Authorization(None)
    machine = task.machine
    what = f"{task.name}: authorization"
    return Authorization(Secret(spec, what, machine.job.directory, machine.cancel).read())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes event loops: uvloop where it is installed, which takes half the time."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
