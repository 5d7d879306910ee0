"""The engine of one machine: threads of this process."""

from collections.abc import Callable, Generator, Iterable
from itertools import groupby
from typing import TypeVar

from desync_jobs.assembly.workers import Workers
from desync_jobs.execute.engines.base import Tally, Wide, Work, batches_of

T = TypeVar("T")
B = TypeVar("B")
R = TypeVar("R")


class LocalEngine:
    """Does every batch in the threads of the run, which share what is open."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def spread(
        self,
        task: T,
        work: Work[T, B, R],
        batches: Iterable[B],
        tallied: Callable[[Tally], None],
    ) -> Generator[R, None, None]:
        opened = work.open(task)
        given = batches_of(opened, batches)
        if isinstance(opened, Wide):
            for wide, some in groupby(given, opened.is_wide):
                if wide:
                    yield from map(opened.do_wide, some)
                else:
                    yield from self._workers.ordered(opened.do, some)
        else:
            yield from self._workers.ordered(opened.do, given)
        tallied(opened.finish())
