"""A fixed number of threads, and results taken in order with bounded look-ahead.

The unit of work is a batch, because a hand-over between threads costs tens of
microseconds. Everything heavy inside a batch releases the interpreter lock.
"""

import functools
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from desync_jobs.assembly.cancel import CallOff, Cancel
from desync_jobs.errors import AbandonedError, DesyncRunError

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 2
"""Batches waiting beside the running ones, so that no thread runs dry."""


class Workers:
    """Threads of one run; a context manager that waits for them at its end."""

    def __init__(self, count: int, cancel: Cancel) -> None:
        self.count = count
        self.cancel = cancel
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="desync-run")

    @property
    def depth(self) -> int:
        """How many batches may exist at once."""
        return self.count + _AHEAD

    def submit(self, function: Callable[[T], R], item: T) -> "Future[R]":
        """Run `function(item)` in a thread, unless the run is stopped before it starts."""
        return self._pool.submit(self._guarded, function, item)

    def ordered(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        """Yield `function(item)` for each item in order; at most `depth` are under way.

        The first error, in the order of items, is raised after the batches
        under way have ended, so that no thread still works on what the caller cleans up. Those
        that wait for the network are called off as soon as one fails.
        """
        waiting: deque[Future[R]] = deque()
        off = CallOff()
        heeding = functools.partial(self._heeding, off, function)
        try:
            for item in items:
                self.cancel.check()
                if len(waiting) >= self.depth:
                    yield waiting.popleft().result()
                waiting.append(self.submit(heeding, item))
            while waiting:
                yield waiting.popleft().result()
        except AbandonedError as abandoned:
            settle(waiting)
            raise _cause(waiting, abandoned) from None
        finally:
            off.called = True
            settle(waiting)

    def each(self, function: Callable[[T], None], items: Iterable[T]) -> None:
        """Do `function(item)` for each item; returns when all are done."""
        for _ in self.ordered(function, items):
            pass

    def _heeding(self, off: CallOff, function: Callable[[T], R], item: T) -> R:
        try:
            with self.cancel.heeding(off):
                return function(item)
        except BaseException:
            off.called = True
            raise

    def _guarded(self, function: Callable[[T], R], item: T) -> R:
        self.cancel.check()
        return function(item)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class OwnThread(Workers):
    """No threads at all: whoever asks for something does it then and there.

    For what is itself done in one of many threads, which must not wait for the others.
    """

    def __init__(self, cancel: Cancel) -> None:
        super().__init__(1, cancel)

    def submit(self, function: Callable[[T], R], item: T) -> "Future[R]":
        """Run `function(item)` now."""
        done: Future[R] = Future()
        try:
            done.set_result(self._guarded(function, item))
        except DesyncRunError as error:
            done.set_exception(error)
        return done


def settle(futures: Iterable["Future[R]"]) -> None:
    """Wait until none of `futures` runs; those not begun are dropped, results are ignored."""
    for future in futures:
        if not future.cancel():
            future.exception()


def _cause(futures: Iterable["Future[R]"], abandoned: AbandonedError) -> BaseException:
    """Return the first error for which others were called off, else that of who is called off."""
    errors = [one.exception() for one in futures if not one.cancelled()]
    causes = (one for one in errors if one and not isinstance(one, AbandonedError))
    return next(causes, abandoned)
