"""Programs that print a secret: run with a time limit, and an end to their output."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import IO, Final

from desync_jobs.errors import StoreError
from desync_jobs.stores.policy.values import Stopper

SECRET_SIZE_LIMIT: Final = 64 << 10
"""Bytes; no secret is longer."""
_TIME_LIMIT: Final = 30.0
_COMPLAINT: Final = 2000
"""Bytes of standard error that a message shows."""
_LOOK_AGAIN: Final = 0.1
_BEGINNING: Final = 1.0
"""Seconds that a process which is to end at once waits for a command to have begun."""


class CommandFailedError(StoreError):
    """A program ended with another code than 0; `output` is what it printed until then."""

    def __init__(self, message: str, output: bytes) -> None:
        super().__init__(message)
        self.output = output


def output_of(
    command: Sequence[str],
    what: str,
    directory: str,
    stopper: Stopper,
    time_limit: float = _TIME_LIMIT,
    given: bytes = b"",
) -> bytes:
    """Run `command` in `directory` and return what it prints.

    Its standard input is `given`, at most 4096 bytes, which every pipe holds. `StoreError`, which
    begins with `what`, where it cannot be run, fails (`CommandFailedError`), prints more than
    `SECRET_SIZE_LIMIT`, or takes longer than `time_limit` seconds; then it and its children are
    killed.
    """
    name = command[0]
    running = _Running()
    # A session of its own gets none of the signals of a terminal, nor what ends this process.
    with stopper.before_leaving(running.end):
        try:
            process = running.begin(command, directory, given)
        except (OSError, ValueError) as error:
            raise StoreError(f"{what}: {name} cannot be run: {error}") from error
        with process:
            try:
                _give(process, given)
                reading = _Reading(process, time.monotonic() + time_limit)
                problem = reading.run(stopper)
            finally:
                _end(process)
    if problem is not None:
        raise StoreError(f"{what}: {name} {problem}")
    if process.returncode:
        complaint = reading.complaint.decode(errors="replace").strip()
        said = f": {complaint}" if complaint else ""
        raise CommandFailedError(
            f"{what}: {name} ended with code {process.returncode}{said}", bytes(reading.output)
        )
    return bytes(reading.output)


def _give(process: subprocess.Popen[bytes], given: bytes) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # it does not want to know
            process.stdin.write(given)
            process.stdin.flush()
        with suppress(BrokenPipeError):
            process.stdin.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what still runs of the command; one that has ended is left its exit code."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


class _Running:
    """A command that another thread may end, also while this one still begins it."""

    def __init__(self) -> None:
        self._beginning = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def begin(
        self, command: Sequence[str], directory: str, given: bytes
    ) -> subprocess.Popen[bytes]:
        """Start it in `directory`; raises what `Popen` does."""
        with self._beginning:
            self._process = subprocess.Popen(
                command,
                cwd=directory,
                stdin=subprocess.PIPE if given else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        return self._process

    def end(self) -> None:
        """Kill what runs of it, once it has begun; from then on nothing begins any more."""
        if self._beginning.acquire(timeout=_BEGINNING) and self._process is not None:
            _end(self._process)


class _Reading:
    """Both outputs of a process, as they come."""

    def __init__(self, process: subprocess.Popen[bytes], end: float) -> None:
        self._process = process
        self._end = end
        self.output = bytearray()
        self.complaint = bytearray()

    def run(self, stopper: Stopper) -> str | None:
        """Read until both outputs end and the process has; returns what is wrong with it."""
        with selectors.DefaultSelector() as waiting:
            for stream in (self._process.stdout, self._process.stderr):
                if stream is not None:
                    waiting.register(stream, selectors.EVENT_READ)
            while waiting.get_map():
                stopper.check()
                if time.monotonic() > self._end:
                    return "takes too long; it was killed"
                for key, _ in waiting.select(_LOOK_AGAIN):
                    if not self._read(key.fd, self._process.stdout):
                        waiting.unregister(key.fileobj)
                if len(self.output) > SECRET_SIZE_LIMIT:
                    return f"prints more than {SECRET_SIZE_LIMIT} bytes; it was killed"
        return self._wait(stopper)

    def _read(self, fd: int, output: IO[bytes] | None) -> bool:
        """Take what there is; false at the end."""
        data = os.read(fd, SECRET_SIZE_LIMIT)
        if output is not None and fd == output.fileno():
            self.output += data
        elif len(self.complaint) < _COMPLAINT:
            self.complaint += data[:_COMPLAINT]
        return bool(data)

    def _wait(self, stopper: Stopper) -> str | None:
        while self._process.poll() is None:
            if time.monotonic() > self._end:
                return "takes too long; it was killed"
            stopper.pause(_LOOK_AGAIN / 10)
        return None
