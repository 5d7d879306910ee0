"""Doing `serve-nbd`: a blob over NBD, until the run is stopped."""

import socket
from contextlib import ExitStack
from typing import Final
from urllib.parse import quote

from desync_jobs.execute.reloading import hangups
from desync_jobs.execute.result import Done
from desync_jobs.execute.serving_nbd import Conduct, export_name, serve_nbd, survey_nbd
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations.serve_nbd import ServeNbdSpec
from desync_jobs.manifest.serving import parse_address
from desync_jobs.planner.nbd import NbdFacts
from desync_jobs.planner.step import Step
from desync_jobs.report.events import Listening
from desync_jobs.server.listening import bind, urls
from desync_jobs.server.unix_socket import unix_listener

_DEFAULT: Final = "localhost:10809"


def survey_serve_nbd(task: Task[ServeNbdSpec]) -> NbdFacts:
    """Read the index and look at the stores."""
    return survey_nbd(task)


def do_serve_nbd(task: Task[ServeNbdSpec], step: Step) -> Done:
    """Serve until the run is stopped, and answer what is under way then.

    `ServerError` where an address or the path of the socket cannot be used.
    """
    spec, machine = task.spec, task.machine
    name = spec.export or export_name(task)
    sockets: list[socket.socket] = []
    with ExitStack() as opened:
        noted = opened.enter_context(hangups(task))
        for text in spec.listen or (() if spec.socket else (_DEFAULT,)):
            sockets += [opened.enter_context(one) for one in bind(parse_address(text))]
        places = [f"{url}/{quote(name, '')}" for url in urls(sockets, "nbd")]
        if spec.socket is not None:
            path = task.path(spec.socket)
            sockets.append(opened.enter_context(unix_listener(path)))
            places.append(f"nbd+unix:///{quote(name, '')}?socket={quote(path)}")
        listening = Listening(task.name, tuple(places))
        conduct = Conduct(
            noted, lambda: machine.reporter.emit(listening), lambda: machine.cancel.stopped
        )
        return serve_nbd(task, step, name, sockets, conduct, spec.connections)
