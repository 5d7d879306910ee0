"""One of several processes of a server: `python -m desync_jobs.execute.serving_process`.

Orders come by standard input, see `supervising`; lines of JSON go to standard output: that it is
ready, warnings, and why it cannot serve.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue
from threading import Lock, Thread
from types import FrameType
from typing import Any, BinaryIO

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.kernel import best
from desync_jobs.errors import EXIT_FAILED, DesyncRunError
from desync_jobs.execute.engines.local import LocalEngine
from desync_jobs.execute.progress import Progress
from desync_jobs.execute.serving import serve_here
from desync_jobs.execute.supervising import Start, receive
from desync_jobs.execute.task import Machine, Streams, Task
from desync_jobs.manifest.job import Job
from desync_jobs.report.events import Event, Warned
from desync_jobs.server.metrics import Metrics
from desync_jobs.stores.places import Places


class _Line:
    """Standard output as the way to the process above; also a reporter of warnings."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = Lock()

    def say(self, what: str, text: str = "") -> None:
        """Send one line; nobody may be there any more."""
        with self._lock:
            try:
                self._pipe.write(json.dumps({what: text}).encode() + b"\n")
                self._pipe.flush()
            except OSError:
                return

    def emit(self, event: Event) -> None:
        """Pass warnings on."""
        if isinstance(event, Warned):
            self.say("warning", event.message)

    def close(self) -> None:
        """Have nothing to release."""


class _Orders:
    """What the process above says."""

    def __init__(self, task: Task[Any], pipe: BinaryIO, line: _Line) -> None:
        self.stopped = False
        self._task = task
        self._line = line
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        Thread(target=self._read, args=(pipe,), daemon=True).start()

    def ready(self) -> None:
        """Pass it on."""
        self._line.say("ready")

    def reload(self) -> Callable[[], Task[Any]] | None:
        """Return the operation as it is in the job that came."""
        return None if self._jobs.empty() else lambda: self._with(self._jobs.get())

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Answer SIGTERM."""
        self.stopped = True

    def _with(self, job: Job) -> Task[Any]:
        machine = replace(self._task.machine, job=job, places=Places())
        return Task(self._task.name, job.spec.operations[self._task.name], machine)

    def _read(self, pipe: BinaryIO) -> None:
        while (job := receive(pipe)) is not None:
            self._jobs.put(job)
        self.stopped = True


def main() -> int:
    """Serve as the process above says, until it says no more."""
    # A terminal sends these to every process of its group; the one above decides.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pipe, line = sys.stdin.buffer, _Line(sys.stdout.buffer)
    start = receive(pipe)
    if not isinstance(start, Start):
        return EXIT_FAILED
    cancel = Cancel()
    with Workers(1, cancel) as workers:
        machine = Machine(
            job=start.job,
            kernel=best(),
            workers=workers,
            cancel=cancel,
            reporter=line,
            progress=Progress(line),
            streams=Streams(pipe, sys.stdout.buffer, cancel),
            engine=LocalEngine(workers),
        )
        task = Task(start.operation, start.job.spec.operations[start.operation], machine)
        orders = _Orders(task, pipe, line)
        signal.signal(signal.SIGTERM, orders.stop)
        metrics = Metrics(start.board, start.number)
        metrics.forget_gauges()
        sockets = [socket.socket(fileno=number) for number in start.sockets]
        try:
            serve_here(task, sockets, metrics, orders)
        except DesyncRunError as error:
            line.say("failed", str(error))
            return error.exit_code
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # threads may still wait for stores
