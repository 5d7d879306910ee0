"""Doing an operation on many things: in their order, until one of them fails.

Each is published as soon as it is complete. The first that fails ends the operation; what was
published before stays, and the next run finds it whole.
"""

from collections.abc import Iterator
from typing import Any

from desync_jobs.errors import DesyncRunError, InterruptedRunError
from desync_jobs.execute.result import Done, Status
from desync_jobs.planner.parts import PartsDetail
from desync_jobs.planner.tally import Counted, tally


def do_parts(detail: PartsDetail[Any], done: Iterator[Done]) -> Done:
    """Return what comes of all parts; `done` yields that of each with something to do, in order.

    An error that it raises is that of the part whose turn it is; the parts after it are skipped.
    """
    counted: list[Counted] = []
    error: DesyncRunError | None = None
    for part in detail.parts:
        if not part.to_do:
            counted.append((part.target, Status.UNCHANGED.value, part.decision.statistics))
        elif error is not None:
            counted.append((part.target, Status.SKIPPED.value, {}))
        else:
            try:
                one = next(done)
            except DesyncRunError as found:
                error = found
                counted.append((part.target, _status(error).value, {}))
            else:
                counted.append((part.target, one.status.value, one.statistics))
    try:
        next(done, None)  # what comes after the last one
    except DesyncRunError as found:
        error = found
    return Done(_status(error), tally(counted, detail.renamed), error)


def _status(error: DesyncRunError | None) -> Status:
    if error is None:
        return Status.DONE
    return Status.INTERRUPTED if isinstance(error, InterruptedRunError) else Status.FAILED
