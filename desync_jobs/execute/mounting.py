"""A mount as an operation: there until it is unmounted or the run is stopped."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final, TypeVar

from desync_jobs.execute.reloading import hangups
from desync_jobs.execute.task import Task
from desync_jobs.manifest.mounting import MountSpec
from desync_jobs.mount.session import MountPlace, Session
from desync_jobs.mount.telling import Failures
from desync_jobs.mount.unmounting import left_behind
from desync_jobs.report.events import Mounted, Stopping
from desync_jobs.report.words import in_seconds

S = TypeVar("S", bound=MountSpec)

_LOOK_AGAIN: Final = 0.1


def place_exists(path: str) -> bool:
    """Whether something can be mounted at `path`, if need be in place of what is dead there."""
    return os.path.isdir(path) or left_behind(path)


def is_below(path: str, folder: str) -> bool:
    """Whether `path`, which need not exist, is in `folder` or further down."""
    real = os.path.realpath(folder)
    return os.path.commonpath([os.path.realpath(path), real]) == real


@dataclass(frozen=True, slots=True)
class Shown:
    """What is mounted, and what goes on beside it."""

    content: object
    """See `Session`."""
    name: str
    """What the table of mounts calls it."""
    reload: Callable[[], None]
    """Is called when SIGHUP came."""
    give_up: Callable[[], None] = lambda: None
    """Is called when nobody waits for what is still being read."""
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
        ExitStack() as opened,
    ):
        session.start(task.warn)
        opened.enter_context(machine.cancel.before_leaving(session.leave))
        machine.reporter.emit(Mounted(task.name, path))
        while not machine.cancel.stopped:
            if session.wait(_LOOK_AGAIN):
                return failures
            if noted.take():
                shown.reload()
            shown.tick()
        machine.reporter.emit(Stopping(task.name))
        if not session.end(spec.patience, shown.give_up):
            task.warn(f"{path} was still used after {in_seconds(spec.patience)} and is taken away")
    return failures
