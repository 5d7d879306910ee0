"""What an engine does, and what it is given."""

from collections.abc import Callable, Generator, Iterable, Mapping
from itertools import chain
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from desync_jobs.stores.counters import Counts

T = TypeVar("T")
B = TypeVar("B")
R = TypeVar("R")
T_contra = TypeVar("T_contra", contravariant=True)
B_contra = TypeVar("B_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

Tally: TypeAlias = Mapping[str, Counts]
"""What each place did, by its name."""


def uncounted(_tally: Tally) -> None:
    """Let what places did go, where results tell all that is to be said."""


class Opened(Protocol[B_contra, R_co]):
    """Work whose stores are open, somewhere."""

    def do(self, batch: B_contra) -> R_co:
        """Do one batch; called in many threads. Doing it again leads to the same."""
        ...

    def finish(self) -> Tally:
        """See to it that what was done lasts, and return what was counted since it was opened.

        More batches may be done afterwards, and this be called again.
        """
        ...


@runtime_checkable
class Parting(Protocol[B_contra]):
    """Opened work that is given parts of something, and makes their batches where they are done."""

    def batches(self, batch: B_contra) -> Iterable[Any]:
        """Yield the batches of a part, which are done in its place."""
        ...


def batches_of(opened: Opened[B, R], given: Iterable[B]) -> Iterable[B]:
    """Return what `opened` does of what it is given: that, or the batches of those parts."""
    if isinstance(opened, Parting):
        return chain.from_iterable(map(opened.batches, given))
    return given


@runtime_checkable
class Wide(Protocol[B_contra, R_co]):
    """Opened work of which some batches are enough for all threads of a machine."""

    def is_wide(self, batch: B_contra) -> bool:
        """Whether `batch` is."""
        ...

    def do_wide(self, batch: B_contra) -> R_co:
        """Do it with the threads of the run, while none of them does anything else."""
        ...


class Work(Protocol[T_contra, B_contra, R_co]):
    """What is done with each batch of one step; sent to others, so it can be pickled.

    Batches and results can be, too. None of them has a secret: stores are opened where they are
    used, and look up theirs there.
    """

    def open(self, task: T_contra) -> Opened[B_contra, R_co]:
        """Open the stores that are needed."""
        ...

    def chunks(self, batch: B_contra) -> int:
        """Return how many chunks a batch has."""
        ...


class Engine(Protocol[T]):
    """Does the batches of a step, whose work is opened for a task as `T` describes it."""

    def spread(
        self,
        task: T,
        work: Work[T, B, R],
        batches: Iterable[B],
        tallied: Callable[[Tally], None],
    ) -> Generator[R, None, None]:
        """Yield the result of each batch in order; a bounded number of them is under way.

        What a result tells of lasts at the end; before that, it lasts as soon as a store here that
        was prepared before has been flushed: other machines flush theirs before they answer.
        `tallied` is told what was counted, in one or more parts. The first error, in the order of
        batches, is raised when nobody works on them any more; so is being stopped.
        """
        ...
