"""What an engine does, and what it is given."""

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from desync_jobs.stores.counters import Counts

if TYPE_CHECKING:
    from desync_jobs.execute.task import Task

B = TypeVar("B")
R = TypeVar("R")
B_contra = TypeVar("B_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

Tally: TypeAlias = Mapping[str, Counts]
"""What each place did, by its name."""


class Opened(Protocol[B_contra, R_co]):
    """Work whose stores are open, somewhere."""

    def do(self, batch: B_contra) -> R_co:
        """Do one batch; called in many threads. Doing it again leads to the same."""
        ...

    def finish(self) -> Tally:
        """See to it that what was done lasts, and return what was counted since it was opened."""
        ...


class Work(Protocol[B_contra, R_co]):
    """What is done with each batch of one step; sent to others, so it can be pickled.

    Batches and results can be, too. None of them has a secret: stores are opened where they are
    used, and look up theirs there.
    """

    def open(self, task: "Task[Any]") -> Opened[B_contra, R_co]:
        """Open the stores that are needed."""
        ...

    def chunks(self, batch: B_contra) -> int:
        """Return how many chunks a batch has."""
        ...


class Engine(Protocol):
    """Does the batches of a step."""

    def spread(
        self,
        task: "Task[Any]",
        work: Work[B, R],
        batches: Iterable[B],
        tallied: Callable[[Tally], None],
    ) -> Generator[R, None, None]:
        """Yield the result of each batch in order; a bounded number of them is under way.

        `tallied` is told what was counted, in one or more parts. The first error, in the order of
        batches, is raised when nobody works on them any more; so is being stopped.
        """
        ...
