"""A mount as an operation: there until it is unmounted or the run is stopped.

Stores do not hear of the run's end before the file system is gone, so that whoever still uses it
is served as long as there is patience.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeVar

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import DesyncRunError
from desync_jobs.execute.opening import Reading, open_sources
from desync_jobs.execute.reloading import hangups, read_again
from desync_jobs.execute.task import Task
from desync_jobs.manifest.mounting import MountSpec
from desync_jobs.mount.session import MountPlace, Session
from desync_jobs.mount.telling import Failures
from desync_jobs.mount.unmounting import left_behind
from desync_jobs.report.events import Mounted, Stopping
from desync_jobs.report.words import in_seconds
from desync_jobs.stores.swap import SwappableSource

S = TypeVar("S", bound=MountSpec)

_LOOK_AGAIN: Final = 0.1


def place_exists(path: str) -> bool:
    """Whether something can be mounted at `path`, if need be in place of what is dead there."""
    return os.path.isdir(path) or left_behind(path)


@dataclass(frozen=True, slots=True)
class MountedStores(Generic[S]):
    """The stores of something mounted."""

    task: Task[S]
    """One that the end of the run does not stop."""
    source: SwappableSource
    reading: Reading

    def reload(self) -> None:
        """Ask the stores that the job names now; where it cannot be read, that is told."""
        task = self.task
        try:
            self.source.swap(open_sources(read_again(task), self.reading))
        except DesyncRunError as error:
            task.warn(f"reload failed, everything stays as it was: {error}")


@contextmanager
def mounted_stores(task: Task[S], reading: Reading) -> Iterator[MountedStores[S]]:
    """Open the stores for as long as the block lasts; what stops the run does not stop them."""
    end = Cancel()
    unstopped = replace(task, machine=replace(task.machine, cancel=end))
    try:
        source = SwappableSource(open_sources(unstopped, reading))
        yield MountedStores(unstopped, source, reading)
    finally:
        end.stop("SIGTERM")


@dataclass(frozen=True, slots=True)
class Shown:
    """What is mounted, and what goes on beside it."""

    content: object
    """See `Session`."""
    name: str
    """What the table of mounts calls it."""
    reload: Callable[[], None]
    """Is called when SIGHUP came."""
    tick: Callable[[], None] = lambda: None
    """Is called several times a second."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Options of FUSE that this content needs."""


def stay_mounted(task: Task[S], shown: Shown) -> Failures:
    """Mount, and return when it is mounted no longer; returns what went wrong meanwhile.

    Somebody unmounts it, or the run is stopped, which is how a mount ends well: with success.
    `MountError` where it cannot be mounted, or ended by itself.
    """
    spec, machine = task.spec, task.machine
    path = task.path(spec.mountpoint)
    failures = Failures(task.warn)
    place = MountPlace(path, shown.name, spec.allow_other)
    with (
        hangups(task) as noted,
        Session(shown.content, place, failures, **shown.options) as session,
    ):
        session.start()
        machine.reporter.emit(Mounted(task.name, path))
        while not machine.cancel.stopped:
            if session.wait(_LOOK_AGAIN):
                return failures
            if noted.take():
                shown.reload()
            shown.tick()
        machine.reporter.emit(Stopping(task.name))
        if not session.end(spec.patience):
            task.warn(f"{path} was still used after {in_seconds(spec.patience)} and is taken away")
    return failures
