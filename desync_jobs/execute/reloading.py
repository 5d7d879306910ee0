"""SIGHUP while a server or mount runs: its job is read again."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any, TypeVar, cast

from desync_jobs.errors import UsageError
from desync_jobs.execute.task import Task
from desync_jobs.manifest.endless import EndlessSpec
from desync_jobs.stores.places import Places

S = TypeVar("S", bound=EndlessSpec)


class Hangups:
    """Counts SIGHUPs; each is taken once."""

    def __init__(self) -> None:
        self._waiting = False

    def note(self) -> None:
        """Take note of one."""
        self._waiting = True

    def take(self) -> bool:
        """Tell whether there was one since this was asked for last."""
        waiting, self._waiting = self._waiting, False
        return waiting


@contextmanager
def hangups(task: Task[Any]) -> Iterator[Hangups]:
    """While inside, SIGHUP is noted and ends nothing, where the job can be read again."""
    noted = Hangups()

    def handle(_number: int, _frame: FrameType | None) -> None:
        noted.note()

    if task.machine.reload is None or threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = signal.signal(signal.SIGHUP, handle)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGHUP, before)


def read_again(task: Task[S]) -> Task[S]:
    """Return the same operation of the job as it is written now.

    Raises what is wrong with the job, and `UsageError` where the operation is another.
    """
    load = task.machine.reload
    if load is None:
        raise UsageError("the job cannot be read again")
    job = load()
    spec = job.spec.operations.get(task.name)
    if spec is None or type(spec) is not type(task.spec):
        raise UsageError(f"{job.source}: {task.name} is no longer the operation that runs")
    new = cast("S", spec)
    changed = [key for key in spec.fixed if getattr(new, key) != getattr(task.spec, key)]
    if changed:
        task.warn(f"{', '.join(changed)}: changed, which needs a new start")
    return Task(task.name, new, replace(task.machine, job=job, places=Places()))
