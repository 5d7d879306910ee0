"""Several processes for one server: started, told what to do, replaced when they die, ended.

Each is a fresh program, because libraries of stores do not survive a fork, with listening sockets
of its own at the same addresses. Its standard input brings orders, and its end is the order to
end, so no process outlives this one, however this one dies.
"""

import json
import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from desync_jobs.errors import DesyncRunError, ServerError
from desync_jobs.execute.serving import Orders
from desync_jobs.execute.task import Task
from desync_jobs.manifest.job import Job
from desync_jobs.server.listening import shared

_LOOK_AGAIN: Final = 0.1
_READY_WITHIN: Final = 60.0
_GRACE: Final = 5.0
"""Seconds for a process to end after its requests."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a process is told first."""

    job: Job
    operation: str
    sockets: tuple[int, ...]
    """Descriptors that listen."""
    board: int
    """The descriptor of the shared metrics."""
    number: int
    """Which row of those is its own."""


def send(pipe: BinaryIO, order: Start | Job) -> None:
    """Send an order: the length of a pickle in four bytes, and the pickle."""
    data = pickle.dumps(order)
    pipe.write(len(data).to_bytes(4, "big") + data)
    pipe.flush()


def receive(pipe: BinaryIO) -> Any:
    """Return the next order of the process above, None when there will be no more."""
    head = pipe.read(4)
    data = pipe.read(int.from_bytes(head, "big")) if head else b""
    return pickle.loads(data) if data else None  # noqa: S301 - from the program that started this one


class Crew:
    """The processes of one server; leaving the block ends those that are left."""

    def __init__(self, task: Task[Any], sockets: Sequence[socket.socket], board: int) -> None:
        self._task = task
        self._board = board
        self._job = task.machine.job
        first, *self._more = shared(sockets, task.spec.processes)
        self._places = first
        self._sockets = [first, *self._more]
        self._members: list[_Member] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for member in self._members:
            member.kill()
        for sockets in self._sockets:
            for one in sockets:
                one.close()

    def serve(self, orders: Orders[Any]) -> None:
        """Serve until `orders` say stop, and until what was under way then is done.

        `ServerError` where a process cannot begin.
        """
        for number in range(self._task.spec.processes):
            self._members.append(self._begun(number))
        for member in self._members:
            member.wait_until_ready(self._task)
        orders.ready()
        while not orders.stopped:
            time.sleep(_LOOK_AGAIN)
            self._reload(orders)
            self._replace()
        self._end()

    def _begun(self, number: int) -> "_Member":
        sockets = [one.fileno() for one in self._sockets[number]]
        start = Start(self._job, self._task.name, tuple(sockets), self._board, number)
        return _Member(start, self._task)

    def _reload(self, orders: Orders[Any]) -> None:
        load = orders.reload()
        if load is None:
            return
        try:
            self._job = load().machine.job
        except DesyncRunError as error:
            self._task.warn(f"reload failed, everything stays as it was: {error}")
            return
        for member in self._members:
            member.tell(self._job)

    def _replace(self) -> None:
        for number, member in enumerate(self._members):
            code = member.code
            if code is not None:
                self._task.warn(f"process {number} ended with {code}; another takes its place")
                # Its sockets are open here, so what came for it waits for the new one.
                self._members[number] = self._begun(number)
                self._members[number].wait_until_ready(self._task)

    def _end(self) -> None:
        end = time.monotonic() + self._task.spec.drain + _GRACE
        for sockets in self._sockets:
            for one in sockets:
                one.close()
        for member in self._members:
            member.finish()
        for member in self._members:
            member.wait(end)


class _Member:
    """One process."""

    def __init__(self, start: Start, task: Task[Any]) -> None:
        self._ready = Event()
        self._failed: str | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "desync_jobs.execute.serving_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(*start.sockets, start.board),
            env=os.environ,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise ServerError("a process was started without pipes")
        self._orders: BinaryIO = self._process.stdin  # type: ignore[assignment] # a buffered writer
        self._reader = Thread(target=self._read, args=(self._process.stdout, task), daemon=True)
        self._reader.start()
        self.tell(start)

    @property
    def code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._process.poll()

    def tell(self, order: Start | Job) -> None:
        """Send an order; one that is dead is replaced soon."""
        with suppress(OSError):
            send(self._orders, order)

    def wait_until_ready(self, task: Task[Any]) -> None:
        """Return when it serves; `ServerError` where it cannot."""
        end = time.monotonic() + _READY_WITHIN
        while not self._ready.wait(_LOOK_AGAIN):
            if task.machine.cancel.stopped:
                return
            if self.code is not None or time.monotonic() > end:
                self._reader.join(_GRACE)
                reason = self._failed or f"a process ended with {self.code} before it served"
                raise ServerError(reason)

    def finish(self) -> None:
        """Tell it to end."""
        with suppress(OSError):
            self._orders.close()

    def wait(self, end: float) -> None:
        """Return when it has ended, or kill it at `end`."""
        try:
            self._process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
        self._reader.join(_GRACE)

    def kill(self) -> None:
        """End it at once."""
        self.finish()
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _read(self, pipe: BinaryIO, task: Task[Any]) -> None:
        with pipe:
            for line in pipe:
                said = json.loads(line)
                if "ready" in said:
                    self._ready.set()
                elif "failed" in said:
                    self._failed = said["failed"]
                else:
                    task.warn(said["warning"])
