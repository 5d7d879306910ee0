"""Figures of a server, as Prometheus reads them, over all of its processes.

Each process counts in a row of its own in shared memory, so counting takes no lock, and whichever
process is asked tells the sum.
"""

import mmap
import os
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

METHODS: Final = ("GET", "HEAD", "PUT", "other")
STATUSES: Final = (200, 206, 304, 400, 401, 404, 405, 408, 413, 415, 416, 500, 503)
SECONDS: Final = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)
"""Upper ends of the histogram of how long answers took."""

_NAMES: Final = (
    "sent_bytes",
    "received_bytes",
    "from_files",
    "from_stores",
    "stored",
    "failures",
    "reloads",
    "failed_reloads",
    "refused_connections",
    "connections",
    "requests_in_flight",
    "nanoseconds",
    *(f"within_{bound}" for bound in SECONDS),
)
_HELP: Final = {
    "sent_bytes": ("counter", "sent_bytes_total", "Bytes of chunks and indexes sent."),
    "received_bytes": ("counter", "received_bytes_total", "Bytes of bodies received."),
    "from_files": ("counter", "from_files_total", "Chunks sent from files as they are."),
    "from_stores": ("counter", "from_stores_total", "Chunks fetched from stores."),
    "stored": ("counter", "stored_total", "Chunks and indexes written."),
    "failures": ("counter", "store_failures_total", "Requests that a store failed."),
    "reloads": ("counter", "reloads_total", "Configurations loaded again."),
    "failed_reloads": ("counter", "failed_reloads_total", "Reloads that failed."),
    "refused_connections": (
        "counter",
        "refused_connections_total",
        "Connections beyond the limit.",
    ),
    "connections": ("gauge", "connections", "Connections that are open."),
    "requests_in_flight": ("gauge", "requests_in_flight", "Requests that are being answered."),
}
_AT: Final = {name: at for at, name in enumerate(_NAMES)}
_NANOSECONDS: Final = _AT["nanoseconds"]
_WITHIN: Final = _AT[f"within_{SECONDS[0]}"]
_METHOD_AT: Final = {method: at for at, method in enumerate(METHODS)}
_STATUS_AT: Final = {status: at for at, status in enumerate(STATUSES)}
_TABLE: Final = len(_NAMES)
_ROW: Final = _TABLE + len(METHODS) * (len(STATUSES) + 1)
_BYTES: Final = 8
_PREFIX: Final = "desync_run"


def new_board(processes: int) -> int:
    """Return the descriptor of shared memory for the figures of `processes`."""
    descriptor = os.memfd_create("desync-run-metrics")
    os.ftruncate(descriptor, processes * _ROW * _BYTES)
    return descriptor


class Metrics:
    """The figures of process number `process` in the shared memory `descriptor`, kept open."""

    def __init__(self, descriptor: int, process: int) -> None:
        self._cells = memoryview(mmap.mmap(descriptor, 0)).cast("q")
        self._row = self._cells[process * _ROW : (process + 1) * _ROW]

    def add(self, name: str, amount: int = 1) -> None:
        """Count; gauges go down too."""
        self._row[_AT[name]] += amount

    def forget_gauges(self) -> None:
        """Begin anew: the process before this one in its row is gone, with what was open."""
        for name in ("connections", "requests_in_flight"):
            self._row[_AT[name]] = 0

    def answered(self, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        kind = _METHOD_AT.get(method, len(METHODS) - 1)
        code = _STATUS_AT.get(status, len(STATUSES))
        self._row[_TABLE + kind * (len(STATUSES) + 1) + code] += 1
        self._row[_NANOSECONDS] += int(seconds * 1e9)
        bound = bisect_left(SECONDS, seconds)
        if bound < len(SECONDS):
            self._row[_WITHIN + bound] += 1

    def total(self, name: str) -> int:
        """Return a figure over all processes."""
        return self._sum(_AT[name])

    @property
    def requests(self) -> int:
        """Requests that were answered, over all processes."""
        return sum(self._sum(_TABLE + at) for at in range(_ROW - _TABLE))

    def text(self) -> str:
        """Return everything in Prometheus's text format."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for name, (kind, public, text) in _HELP.items():
            yield f"# HELP {_PREFIX}_{public} {text}"
            yield f"# TYPE {_PREFIX}_{public} {kind}"
            yield f"{_PREFIX}_{public} {self.total(name)}"
        yield f"# HELP {_PREFIX}_requests_total Requests that were answered."
        yield f"# TYPE {_PREFIX}_requests_total counter"
        for row, method in enumerate(METHODS):
            for at, status in enumerate((*STATUSES, "other")):
                count = self._sum(_TABLE + row * (len(STATUSES) + 1) + at)
                if count:
                    labels = f'method="{method}",status="{status}"'
                    yield f"{_PREFIX}_requests_total{{{labels}}} {count}"
        yield from self._histogram()

    def _histogram(self) -> Iterator[str]:
        name = f"{_PREFIX}_request_seconds"
        yield f"# HELP {name} Time until an answer was ready."
        yield f"# TYPE {name} histogram"
        count = 0
        for bound in SECONDS:
            count += self.total(f"within_{bound}")
            yield f'{name}_bucket{{le="{bound}"}} {count}'
        yield f'{name}_bucket{{le="+Inf"}} {self.requests}'
        yield f"{name}_sum {self.total('nanoseconds') / 1e9}"
        yield f"{name}_count {self.requests}"

    def _sum(self, at: int) -> int:
        return sum(self._cells[at::_ROW])
