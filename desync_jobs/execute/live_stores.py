"""Stores that are asked for as long as others want something, and exchanged meanwhile.

They do not hear of the run's end before what they serve has ended, so that whoever still uses it
is served as long as there is patience.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import DesyncRunError
from desync_jobs.execute.opening import Reading, open_sources, source_facts
from desync_jobs.execute.reloading import read_again
from desync_jobs.execute.task import Task
from desync_jobs.manifest.live import LiveSpec
from desync_jobs.planner.needed import need_store
from desync_jobs.stores.places import Places
from desync_jobs.stores.swap import SwappableSource

S = TypeVar("S", bound=LiveSpec)


@dataclass(frozen=True, slots=True)
class LiveStores(Generic[S]):
    """The stores of an operation that goes on until it is stopped."""

    task: Task[S]
    """One that the end of the run does not stop."""
    source: SwappableSource
    reading: Reading
    end: Cancel
    """What stops the stores."""

    def reload(self) -> None:
        """Ask the stores that the job names now; where it cannot be read, that is told."""
        task = self.task
        try:
            again = read_again(task)
            for facts in source_facts(again, again.spec.stores):
                need_store(facts)
            source = open_sources(again, self.reading)
            again.machine.places.look_up_secrets()
            self.source.swap(source)
        except DesyncRunError as error:
            task.warn(f"reload failed, everything stays as it was: {error}")

    def stop(self) -> None:
        """Have nobody wait for the stores any longer."""
        self.end.stop("SIGTERM")


@contextmanager
def live_stores(task: Task[S], reading: Reading) -> Iterator[LiveStores[S]]:
    """Open the stores for as long as the block lasts; what stops the run does not stop them."""
    end = Cancel()
    # Places that are open already were opened for the run, and are stopped with it.
    unstopped = replace(task, machine=replace(task.machine, cancel=end, places=Places()))
    try:
        source = SwappableSource(open_sources(unstopped, reading))
        # What is broken in their files after this does not harm those who read.
        unstopped.machine.places.look_up_secrets()
        yield LiveStores(unstopped, source, reading, end)
    finally:
        end.stop("SIGTERM")
