"""One server operation as a whole: its addresses, and the process or processes that serve there."""

import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Generic, TypeVar

from desync_jobs.execute.reloading import Hangups, hangups, read_again
from desync_jobs.execute.result import Done
from desync_jobs.execute.serving import serve_here
from desync_jobs.execute.supervising import Crew
from desync_jobs.execute.task import Task
from desync_jobs.manifest.serving import ServerSpec, parse_address
from desync_jobs.report.events import Listening
from desync_jobs.server.listening import bind, urls
from desync_jobs.server.metrics import Metrics, new_board

S = TypeVar("S", bound=ServerSpec)


def run_server(task: Task[S]) -> Done:
    """Serve until the run is stopped, which is how a server ends well: with success.

    Raises `ServerError` where an address or certificate cannot be used.
    """
    board = new_board(task.spec.processes)
    metrics = Metrics(board, 0)
    with ExitStack() as opened:
        noted = opened.enter_context(hangups(task))
        sockets: list[socket.socket] = []
        for text in task.spec.listen:
            sockets += [opened.enter_context(one) for one in bind(parse_address(text))]
        scheme = "http" if task.spec.tls is None else "https"
        orders = _Foreground(task, noted, urls(sockets, scheme))
        if task.spec.processes == 1:
            serve_here(task, sockets, metrics, orders)
        else:
            opened.enter_context(Crew(task, sockets, board)).serve(orders)
    return Done(statistics={"requests": metrics.requests, "bytes": metrics.total("sent_bytes")})


class _Foreground(Generic[S]):
    """The orders of the process that the run is: the run's own, and SIGHUP."""

    def __init__(self, task: Task[S], noted: Hangups, found: Sequence[str]) -> None:
        self._task = task
        self._noted = noted
        self._urls = tuple(found)

    def ready(self) -> None:
        """Say where clients find the server."""
        self._task.machine.reporter.emit(Listening(self._task.name, self._urls))

    @property
    def stopped(self) -> bool:
        """Whether the run was asked to stop."""
        return self._task.machine.cancel.stopped

    def reload(self) -> Callable[[], Task[S]] | None:
        """Return what reads the job again, where SIGHUP came."""
        return (lambda: read_again(self._task)) if self._noted.take() else None
