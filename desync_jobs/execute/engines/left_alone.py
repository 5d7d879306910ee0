"""Loaded by processes that are started for a run: signals are for the process that started them.

A terminal sends SIGINT to all of them, and a service manager SIGTERM. They go on until they are
told what to do, so that what they have begun is whole, and are killed where they do not end.
"""

import signal
from typing import Any


def dask_setup(worker: Any) -> None:  # noqa: ARG001 - Dask names it
    """Ignore what asks the run to stop."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
