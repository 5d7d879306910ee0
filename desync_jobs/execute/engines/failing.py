"""What goes wrong with a cluster, in words of this program."""

from collections.abc import Iterator
from contextlib import contextmanager

from distributed import KilledWorker
from distributed.client import FutureCancelledError, FuturesCancelledError
from distributed.comm.core import CommClosedError

from desync_jobs.errors import ClusterError, DesyncRunError


@contextmanager
def told_of(doing: str) -> Iterator[None]:
    """Have `ClusterError`, which begins with what was being done, in place of errors of Dask."""
    try:
        yield
    except KilledWorker as error:
        raise ClusterError(
            f"engine dask: {doing}: one share of the chunks ended "
            f"{error.allowed_failures + 1} workers, one after the other, the last at "
            f"{error.last_worker.address}; look at that worker's log, such as for want of memory"
        ) from error
    except (CommClosedError, FutureCancelledError, FuturesCancelledError, TimeoutError) as error:
        raise ClusterError(
            f"engine dask: {doing}: the scheduler is gone; what was done before is complete; "
            "run again when it is there"
        ) from error
    except DesyncRunError:
        raise
    except OSError as error:
        raise ClusterError(f"engine dask: {doing}: the cluster fails: {error}") from error
