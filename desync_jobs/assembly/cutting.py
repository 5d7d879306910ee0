"""Blob → chunks in one pass, in parallel and in order.

Candidates are found in every window at once; a short sequential step picks the
cuts; then each window's chunks go to a thread while they are hot. The cuts are the same
for any number of threads and any way of reading. Memory is `depth` windows.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from desync_jobs.assembly.windows import OVERLAP, Window, window_size
from desync_jobs.assembly.workers import Workers, settle
from desync_jobs.core.chunker import CutSelector
from desync_jobs.core.kernel import Kernel
from desync_jobs.core.sizes import ChunkSizes, CutMode

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Stream:
    """An open file to be cut, from its present position on."""

    fd: int
    name: str
    """How messages call it."""
    origin: int = 0
    """The position that its first byte has in the chunks' offsets."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """How to cut."""

    sizes: ChunkSizes
    mode: CutMode
    kernel: Kernel


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring chunks, valid until the function that was given them returns."""

    ends: list[int]
    """End of each chunk in the stream."""
    pieces: list[memoryview]
    """Bytes of each chunk."""


def cut_stream(
    stream: Stream, cutting: Cutting, workers: Workers, handle: Callable[[Stretch], R]
) -> Iterator[R]:
    """Yield `handle(stretch)` for all chunks of `stream`, in order.

    `handle` runs in the workers' threads. Raises `SourceError` where the stream
    cannot be read, and whatever `handle` raises.
    """
    return _Run(stream, cutting, workers, handle).results()


class _Run(Generic[R]):
    def __init__(
        self, stream: Stream, cutting: Cutting, workers: Workers, handle: Callable[[Stretch], R]
    ) -> None:
        self._stream = stream
        self._cutting = cutting
        self._workers = workers
        self._handle = handle
        self._selector = CutSelector(cutting.sizes, cutting.mode)
        self._discriminator = cutting.sizes.discriminator(cutting.mode)
        # The cuts of a window wait for its scan. Were that the last one asked for, the threads
        # would run dry meanwhile; so as many more are always under way as there are threads.
        self._scans_ahead = workers.count + 1
        self._depth = self._scans_ahead + workers.depth
        self._size = window_size(self._depth)
        self._free: list[Window] = []
        self._windows = 0
        """As many as a short stream needs, and `depth` at most."""
        self._scanning: deque[tuple[Window, Future[NDArray[np.int64]]]] = deque()
        self._handling: deque[tuple[Window, Future[R]]] = deque()
        self._last: Window | None = None
        self._ended = False
        self._cut = 0
        """The last cut, counted from the stream's first byte."""

    def results(self) -> Iterator[R]:
        try:
            while True:
                self._workers.cancel.check()
                if (self._free or self._windows < self._depth) and not self._ended:
                    self._read()
                elif len(self._scanning) > (0 if self._ended else self._scans_ahead):
                    self._select()
                elif self._handling:
                    window, future = self._handling.popleft()
                    yield future.result()
                    self._free.append(window)
                else:
                    return
        finally:
            settle([future for _, future in self._scanning])
            settle([future for _, future in self._handling])

    def _read(self) -> None:
        window = self._free.pop() if self._free else self._another()
        if not window.read(self._stream.fd, self._stream.name, self._workers.cancel):
            self._ended = True
            return
        window.follow(self._last, 0)
        self._last = window
        self._scanning.append((window, self._workers.submit(self._scan, window)))

    def _another(self) -> Window:
        self._windows += 1
        return Window(self._cutting.sizes.maximum, self._size)

    def _scan(self, window: Window) -> NDArray[np.int64]:
        if self._cutting.sizes.fixed:
            return np.empty(0, np.int64)
        begin = max(window.start - OVERLAP, 0)
        data = window.stretch(begin, window.end)
        return self._cutting.kernel.candidates(data, self._discriminator) + begin

    def _select(self) -> None:
        window, future = self._scanning.popleft()
        cuts = self._selector.feed(future.result(), window.end)
        if self._scanning:
            self._scanning[0][0].take_rest(window, cuts[-1] if cuts else self._cut)
        else:
            cuts = cuts + self._selector.finish(window.end)
        stretch = self._stretch(window, cuts)
        self._handling.append((window, self._workers.submit(self._handle, stretch)))

    def _stretch(self, window: Window, cuts: list[int]) -> Stretch:
        begins = [self._cut, *cuts[:-1]] if cuts else []
        pieces = [window.stretch(begin, end) for begin, end in zip(begins, cuts, strict=True)]
        if cuts:
            self._cut = cuts[-1]
        origin = self._stream.origin
        return Stretch([origin + end for end in cuts], pieces)
