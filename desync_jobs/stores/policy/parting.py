"""What is still to be said when a run is asked to stop, and how long that may take."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from desync_jobs.stores.policy.values import Stopper

PATIENCE: Final = 5.0
"""Seconds; who cannot wait for them asks a second time, and the process ends at once."""
_LOOK_AGAIN: Final = 0.1


class Parting:
    """A `Stopper` that stops `PATIENCE` seconds later than the run."""

    def __init__(self, stopper: Stopper) -> None:
        self._stopper = stopper
        self._end = time.monotonic() + PATIENCE

    def check(self) -> None:
        if time.monotonic() >= self._end:
            self._stopper.check()

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, _LOOK_AGAIN))

    def before_leaving(self, do: Callable[[], None]) -> AbstractContextManager[None]:
        return self._stopper.before_leaving(do)
