"""Writing what operations print: to standard output, or to a file that appears whole."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from desync_jobs.assembly.pending import PendingFile
from desync_jobs.errors import TargetError
from desync_jobs.execute.result import Status
from desync_jobs.execute.task import Streams
from desync_jobs.report.whole import write_whole

if TYPE_CHECKING:
    from tempfile import SpooledTemporaryFile


class Output(Protocol):
    """Where bytes go; nothing of a file is visible before `finish`."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append `data`."""
        ...

    def finish(self) -> Status:
        """Publish; `UNCHANGED` where the file there had the same content."""
        ...


@contextmanager
def open_output(path: str, streams: Streams) -> Iterator[Output]:
    """Open `path` (absolute, or `-`); leaving the block without `finish` drops a file."""
    if path == "-":
        yield _StreamOutput(streams.stdout)
        return
    with PendingFile(path) as pending:
        yield _FileOutput(pending)


def write_output(path: str, streams: Streams, parts: Iterable[bytes]) -> Status:
    """Write all `parts` to `path` and publish it."""
    with open_output(path, streams) as output:
        for part in parts:
            output.write(part)
        return output.finish()


@contextmanager
def open_held_output(path: str, streams: Streams) -> Iterator[Output]:
    """Open `path`; what goes to standard output too is held back until `finish`."""
    with open_output(path, streams) as output:
        if path != "-":
            yield output
            return
        # Few runs need it, and its import takes as long as reading a small index.
        from tempfile import SpooledTemporaryFile

        with SpooledTemporaryFile(max_size=1 << 24) as held:
            yield _HeldOutput(held, output)


class _StreamOutput:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes | bytearray | memoryview) -> None:
        with _stream_failures():
            write_whole(self._stream, data)

    def finish(self) -> Status:
        with _stream_failures():
            self._stream.flush()
        return Status.DONE


@contextmanager
def _stream_failures() -> Iterator[None]:
    """Translate errors of standard output; a reader that has gone is left to the caller."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TargetError(f"standard output cannot be written: {error.strerror}") from error


class _FileOutput:
    def __init__(self, pending: PendingFile) -> None:
        self._pending = pending

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._pending.write(data)

    def finish(self) -> Status:
        if self._pending.same_as_published():
            return Status.UNCHANGED
        self._pending.commit()
        return Status.DONE


class _HeldOutput:
    """Keeps everything until `finish`, so that standard output gets all of it or nothing."""

    def __init__(self, held: "SpooledTemporaryFile[bytes]", output: Output) -> None:
        self._held = held
        self._output = output

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._held.write(data)

    def finish(self) -> Status:
        self._held.seek(0)
        while block := self._held.read(1 << 20):
            self._output.write(block)
        return self._output.finish()
