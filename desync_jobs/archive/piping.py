"""What one thread writes, for another to read as a file."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Final

from desync_jobs.archive.encoding import Bytes
from desync_jobs.report.whole import write_whole

_PIPE_SIZE: Final = 1 << 20


class Piped:
    """The reading end of a pipe, and the thread at the other one."""

    def __init__(self, produce: Callable[[Callable[[Bytes], None]], None]) -> None:
        self._produce = produce
        self._error: BaseException | None = None
        self.fd, self._to = os.pipe()
        _enlarge(self.fd)
        self._thread = Thread(target=self._run, name="desync-run-pipe")
        self._thread.start()

    def finish(self) -> None:
        """Wait until everything is written; raises the error that ended the writing.

        Called when all was read, and before anything of it is published: what was read of a
        writer that failed looks like any other end.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Stop reading, which ends a writer that has not finished, and wait for it."""
        os.close(self.fd)
        self._thread.join()

    def _run(self) -> None:
        try:
            with os.fdopen(self._to, "wb", buffering=0) as to:
                self._produce(lambda data: write_whole(to, data))
        except BaseException as error:  # noqa: BLE001 - raised again in `finish`
            self._error = error


@contextmanager
def piped(produce: Callable[[Callable[[Bytes], None]], None]) -> Iterator[Piped]:
    """Let `produce(write)` run in a thread; lends the descriptor that reads what it writes."""
    pipe = Piped(produce)
    try:
        yield pipe
    finally:
        pipe.close()


def _enlarge(fd: int) -> None:
    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    except OSError:
        return  # more than this user may have; the usual size does as well
