"""The end of a run that takes too long."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import DeadlineError


@contextmanager
def deadline(cancel: Cancel, seconds: float | None) -> Iterator[None]:
    """While inside, let `cancel` stop the run after `seconds`; never where that is None."""
    if seconds is None:
        yield
        return
    timer = Timer(seconds, cancel.stop_with, [lambda: DeadlineError(seconds)])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
