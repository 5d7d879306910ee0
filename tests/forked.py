"""The program, forked from a process that has imported it: many times as fast as starting it.

Only what starts it as it is tests how it starts, and those tests do.
"""

import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from subprocess import CompletedProcess
from threading import Lock, Thread
from typing import Final, NoReturn, TypeAlias

_PATIENCE: Final = 60.0
_NUMBER: Final = 8
_SERVE: Final = "import sys; from tests.forked import serve; serve(int(sys.argv[1]))"
_AT_START: Final = ("PYTHON", "LC_", "LANG", "TZ", "LD_")
"""Variables that have their meaning when an interpreter starts."""

_PACKAGES: Final = tuple(
    f"desync_jobs.{package}"
    for package in ("cli", "core", "codecs", "execute", "formats", "manifest", "planner", "report")
)
_EXTRAS: Final = ("desync_jobs.execute.engines.", "desync_jobs.report.tracing")

Forked: TypeAlias = Callable[
    [Sequence[str], str, Mapping[str, str], bytes], CompletedProcess[bytes]
]
"""Runs the program with arguments, in a directory, with a whole environment and given input."""


def has_to_start(variables: Mapping[str, str]) -> bool:
    """Tell whether an interpreter has to be started for `variables`."""
    return any(name.startswith(_AT_START) for name in variables)


@contextmanager
def forking(environment: Mapping[str, str]) -> Iterator[Forked]:
    """Lend what runs the program with pipes, as `subprocess.run` does."""
    ours, theirs = socket.socketpair()
    started = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _SERVE, str(theirs.fileno())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Who forks has one thread.
        env={**environment, "OPENBLAS_NUM_THREADS": "1"},
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    asking = Lock()

    def ask(request: bytes, fds: Sequence[int]) -> None:
        with asking:
            socket.send_fds(ours, [len(request).to_bytes(_NUMBER)], fds)
            ours.sendall(request)

    with started, ours:
        yield lambda *request: _run(ask, *request)
        ours.shutdown(socket.SHUT_RDWR)


class _Pipes:
    """What a process is given, and what it writes; closed at the end."""

    def __init__(self) -> None:
        (self.stdin, self._giving), (self._out, self.stdout), (self._err, self.stderr) = (
            os.pipe() for _ in range(3)
        )
        self.written: dict[str, bytes] = {"stdout": b"", "stderr": b""}

    def exchange(self, given: bytes) -> bool:
        """Give and take all there is; False where that takes too long."""
        works = [Thread(target=self._give, args=(given,))]
        for name, fd in (("stdout", self._out), ("stderr", self._err)):
            works.append(Thread(target=self._take, args=(name, fd), daemon=True))
        for work in works:
            work.start()
        end = time.monotonic() + _PATIENCE
        for work in works:
            work.join(max(end - time.monotonic(), 0))
        return not any(work.is_alive() for work in works)

    def _give(self, given: bytes) -> None:
        with suppress(BrokenPipeError), open(self._giving, "wb") as stream:
            stream.write(given)

    def _take(self, name: str, fd: int) -> None:
        with open(fd, "rb") as stream:
            self.written[name] = stream.read()


def _run(
    ask: Callable[[bytes, Sequence[int]], None],
    arguments: Sequence[str],
    directory: str,
    variables: Mapping[str, str],
    given: bytes,
) -> CompletedProcess[bytes]:
    pipes = _Pipes()
    ended, ending = os.pipe()
    request = json.dumps([list(arguments), directory, dict(variables)]).encode()
    theirs = [pipes.stdin, pipes.stdout, pipes.stderr, ending]
    ask(request, theirs)
    for fd in theirs:
        os.close(fd)
    with open(ended, "rb") as stream:
        process = int.from_bytes(stream.read(_NUMBER))
        if not pipes.exchange(given):
            os.kill(process, signal.SIGKILL)
            raise subprocess.TimeoutExpired(list(arguments), _PATIENCE)
        status = int.from_bytes(stream.read(_NUMBER))
    code = os.waitstatus_to_exitcode(status)
    return CompletedProcess(list(arguments), code, **pipes.written)


def serve(fd: int) -> None:
    """Fork for every request at `fd`, until there are no more."""
    _import_what_most_commands_need()
    theirs = socket.socket(fileno=fd)
    ready = selectors.DefaultSelector()
    ready.register(theirs, selectors.EVENT_READ)
    endings: dict[int, tuple[int, int]] = {}
    while True:
        for key, _ in ready.select():
            if key.fd in endings:
                ready.unregister(key.fd)
                process, ending = endings.pop(key.fd)
                os.write(ending, os.waitpid(process, 0)[1].to_bytes(_NUMBER))
                os.close(key.fd)
                os.close(ending)
                continue
            head, given, _, _ = socket.recv_fds(theirs, _NUMBER, 4)
            if not head:
                return
            request = theirs.recv(int.from_bytes(head), socket.MSG_WAITALL)
            *streams, ending = given
            process = os.fork()
            if not process:
                for other in (fd, ready.fileno(), ending, *sum(endings.values(), ())):
                    os.close(other)
                _become(streams, *json.loads(request))
            for stream in streams:
                os.close(stream)
            os.write(ending, process.to_bytes(_NUMBER))
            watched = os.pidfd_open(process)
            endings[watched] = process, ending
            ready.register(watched, selectors.EVENT_READ)


def _import_what_most_commands_need() -> None:
    import desync_jobs

    for module in pkgutil.walk_packages(desync_jobs.__path__, "desync_jobs."):
        if module.name.startswith(_PACKAGES) and not module.name.startswith(_EXTRAS):
            importlib.import_module(module.name)


def _become(
    streams: Sequence[int], arguments: Sequence[str], directory: str, variables: Mapping[str, str]
) -> NoReturn:
    from desync_jobs.cli.main import process

    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
        os.close(stream)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv[1:] = arguments
    process()
