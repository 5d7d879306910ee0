"""The engine of one machine: threads of this process."""

from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from desync_jobs.execute.engines.base import Tally, Work

if TYPE_CHECKING:
    from desync_jobs.execute.task import Task

B = TypeVar("B")
R = TypeVar("R")


class LocalEngine:
    """Does every batch in the threads of the run, which share what is open."""

    def spread(
        self,
        task: "Task[Any]",
        work: Work[B, R],
        batches: Iterable[B],
        tallied: Callable[[Tally], None],
    ) -> Generator[R, None, None]:
        opened = work.open(task)
        yield from task.machine.workers.ordered(opened.do, batches)
        tallied(opened.finish())
