"""One server operation as a whole: its addresses, and the processes that serve on them."""

import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Generic, TypeVar

from desync_jobs.execute.reloading import Hangups, hangups, read_again
from desync_jobs.execute.result import Done
from desync_jobs.execute.serving import Opener, serve_here
from desync_jobs.execute.task import Task
from desync_jobs.manifest.serving import ServerSpec, parse_address
from desync_jobs.report.events import Listening
from desync_jobs.server.listening import bind, urls
from desync_jobs.server.metrics import Metrics, new_board

S = TypeVar("S", bound=ServerSpec)


def run_server(task: Task[S], opener: Opener[S]) -> Done:
    """Serve until the run is stopped, which is how a server ends well: with success.

    Raises `ServerError` where an address or certificate cannot be used.
    """
    metrics = Metrics(new_board(1), 0)
    with ExitStack() as opened:
        noted = opened.enter_context(hangups(task))
        addresses = [parse_address(text) for text in task.spec.listen]
        sockets: list[socket.socket] = []
        for address in addresses:
            sockets += [opened.enter_context(one) for one in bind(address)]
        serve_here(task, opener, sockets, metrics, _Foreground(task, noted, sockets))
    return Done(statistics={"requests": metrics.requests, "bytes": metrics.total("sent_bytes")})


class _Foreground(Generic[S]):
    """The orders of a server that is this very process: the run's, and SIGHUP."""

    def __init__(self, task: Task[S], noted: Hangups, sockets: Sequence[socket.socket]) -> None:
        self._task = task
        self._noted = noted
        self._sockets = sockets

    def ready(self) -> None:
        """Say where clients find the server."""
        found = urls(self._sockets, tls=self._task.spec.tls is not None)
        self._task.machine.reporter.emit(Listening(self._task.name, tuple(found)))

    @property
    def stopped(self) -> bool:
        """Whether the run was asked to stop."""
        return self._task.machine.cancel.stopped

    def reload(self) -> Callable[[], Task[S]] | None:
        """Return what reads the job again, where SIGHUP came."""
        return (lambda: read_again(self._task)) if self._noted.take() else None
