"""One session of casync's protocol with a program that was started for it."""

import os
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from desync_jobs.core.chunk import ChunkID
from desync_jobs.errors import InvalidDataError
from desync_jobs.formats import wire
from desync_jobs.formats.wire import Abort, ChunkAbsent, ChunkData, Feature, Goodbye, Hello, Message
from desync_jobs.stores.policy.values import Policy, Stopper

_LOOK_AGAIN: Final = 100
"""Milliseconds between two looks whether the run is to stop."""
_READ: Final = 1 << 18
_COMPLAINT: Final = 1 << 12
"""Bytes kept of what the program says on its standard error."""
_MOST_CHUNKS: Final = 1 << 16
"""IDs that one session remembers: about 6 MB."""
_LAST_WORDS: Final = 1.0
"""Seconds in which a program may end by itself."""


class SessionError(Exception):
    """A session broke; the message does not name the store."""


class Session:
    """A running program that speaks the protocol; of one thread at a time.

    casync answers for a chunk once in a session: asked again, it stays silent. So each session
    knows what it was asked, and serves for so many chunks only.

    Every method raises `SessionError` where the session broke, after which it can only be closed,
    and `InterruptedRunError` where the run is to stop.
    """

    def __init__(self, command: Sequence[str], policy: Policy, stopper: Stopper) -> None:
        self._policy = policy
        self._stopper = stopper
        self._asked: set[ChunkID] = set()
        self._received = bytearray()
        self._complaint = bytearray()
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise SessionError(f"cannot start {command[0]}: {error.strerror}") from error
        self._input = _descriptor(self._process.stdin)
        self._output = _descriptor(self._process.stdout)
        self._errors = _descriptor(self._process.stderr)
        os.set_blocking(self._input, False)
        self._poll = select.poll()
        self._poll.register(self._output, select.POLLIN)
        self._poll.register(self._errors, select.POLLIN)

    def greet(self) -> None:
        """Exchange HELLOs; the other side must have a store to read from."""
        self._send(wire.hello(Feature.PULL_CHUNKS))
        message = self._next(self._policy.connect_timeout)
        if not isinstance(message, Hello):
            raise SessionError(f"it began with {_words(message)} instead of a HELLO")
        if not message.features & Feature.READABLE_STORE:
            raise SessionError("it has no store to read from")

    def can_serve(self, ids: Sequence[ChunkID]) -> bool:
        """Tell whether none of `ids` was asked for before, and there are not too many."""
        return len(self._asked) + len(ids) <= _MOST_CHUNKS and self._asked.isdisjoint(ids)

    def fetch(self, ids: Sequence[ChunkID]) -> Iterator[ChunkData | ChunkAbsent]:
        """Ask for `ids`, no two the same, and yield an answer for each, in any order."""
        for begin in range(0, len(ids), wire.REQUEST_CHUNKS):
            asked = set(ids[begin : begin + wire.REQUEST_CHUNKS])
            self._asked |= asked
            self._send(wire.request(ids[begin : begin + wire.REQUEST_CHUNKS]))
            while asked:
                message = self._next(self._policy.timeout)
                if not isinstance(message, ChunkData | ChunkAbsent):
                    raise SessionError(f"it answered with {_words(message)}")
                if message.id not in asked:
                    raise SessionError(f"it sent chunk {message.id.hex()}, which was not asked for")
                asked.remove(message.id)
                yield message

    def close(self) -> None:
        """End the program, by itself where it can; never raises."""
        with suppress(OSError):
            os.write(self._input, wire.goodbye())
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        try:
            self._process.wait(_LAST_WORDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, frame: bytes) -> None:
        end = time.monotonic() + self._policy.timeout
        rest = memoryview(frame)
        while rest:
            try:
                rest = rest[os.write(self._input, rest) :]
            except BlockingIOError:
                self._listen(end)
            except OSError as error:
                raise self._broken() from error

    def _next(self, seconds: float) -> Message:
        """Return the next message; `seconds` is how long it may take without a byte received."""
        try:
            kind, size = wire.parse_frame_header(self._take(wire.HEADER_SIZE, seconds))
            message = wire.parse_body(kind, self._take(size, seconds))
        except InvalidDataError as error:
            raise SessionError(f"it sent {error}{self._said()}") from error
        if isinstance(message, Abort):
            raise SessionError(f"it gave up: {message.reason} (code {message.code}){self._said()}")
        return message

    def _take(self, size: int, seconds: float) -> bytes:
        end = time.monotonic() + seconds
        while len(self._received) < size:
            if self._listen(end):
                end = time.monotonic() + seconds
        taken = bytes(memoryview(self._received)[:size])
        del self._received[:size]
        return taken

    def _listen(self, end: float) -> bool:
        """Wait a little for what the program says; tell whether it was part of a message."""
        self._stopper.check()
        ready = {descriptor for descriptor, _ in self._poll.poll(_LOOK_AGAIN)}
        if self._errors in ready and not self._hear():
            self._poll.unregister(self._errors)
        if self._output in ready:
            data = os.read(self._output, _READ)
            if not data:
                raise self._broken()
            self._received += data
            return True
        if not ready and time.monotonic() >= end:
            raise SessionError(f"it did not answer in time{self._said()}")
        return False

    def _hear(self) -> bool:
        """Keep what the program says on its standard error; False at its end."""
        data = os.read(self._errors, _COMPLAINT)
        self._complaint += data
        del self._complaint[:-_COMPLAINT]
        return bool(data)

    def _broken(self) -> SessionError:
        """Return why the program is gone, in its own words where it had any."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS)
        while select.select([self._errors], [], [], 0)[0] and self._hear():
            pass
        code = self._process.poll()
        return SessionError(f"it ended with exit code {code}{self._said()}")

    def _said(self) -> str:
        text = self._complaint.decode("utf-8", "replace").strip()
        last = text.splitlines()[-1] if text else ""
        said = "".join(one for one in last if one.isprintable())
        return f": {said}" if said else ""


def _descriptor(stream: object) -> int:
    fileno = getattr(stream, "fileno", None)
    if fileno is None:
        raise TypeError("the program was started without a pipe")
    number: int = fileno()
    return number


def _words(message: Message) -> str:
    match message:
        case Goodbye():
            return "a GOODBYE"
        case Hello():
            return "a HELLO"
        case _:
            return f"a {type(message).__name__}"
