"""The leases of an operation: had while it runs, for every store that it adds to."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from desync_jobs.errors import DesyncRunError
from desync_jobs.execute.opening import surroundings
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations import OperationSpec
from desync_jobs.manifest.stores import CacheSpec
from desync_jobs.stores.leases.base import Lease, StandingLease
from desync_jobs.stores.leases.held import HeldLeases
from desync_jobs.stores.leases.role import Role

if TYPE_CHECKING:
    from desync_jobs.stores.leasing import Asking

S = TypeVar("S")

_WAIT: Final = 900.0
"""Seconds for which others are waited for, unless the job says otherwise."""


@contextmanager
def writing_leases(task: Task[OperationSpec]) -> Iterator[HeldLeases]:
    """Have the leases of every store that the operation adds to, by the stores' names.

    A server has them for its clients, while there are any: see `standing_lease`. What lies in a
    cache is protected by its age alone: nobody counts on that.
    """
    with ExitStack() as held:
        names = task.spec.access().adds_to
        if names and _serves(task.spec):
            names = ()
        leases = HeldLeases()
        for name in sorted(names):
            if not isinstance(task.machine.job.spec.place(name), CacheSpec):
                lease = held.enter_context(lease_of(task, name, Role.WRITER))
                if lease is not None:
                    leases[name] = lease
        yield leases


def _serves(spec: OperationSpec) -> bool:
    from desync_jobs.manifest.serving import ServerSpec

    return isinstance(spec, ServerSpec)


@contextmanager
def lease_of(
    task: Task[S], name: str, role: Role, patience: float | None = None
) -> Iterator[Lease | None]:
    """Have the lease of the store called `name`; None where it has none.

    Others are waited for as long as the job says, and for `patience` seconds at most;
    `LockedError` where that is not enough.
    """
    from desync_jobs.stores.leasing import Asking, take_lease

    asking = _asking(task, name)
    if patience is not None and patience < asking.wait:
        asking = Asking(name, asking.owner, patience)
    around = surroundings(task)
    lease = take_lease(asking, role, around)
    if lease is None:
        yield None
        return
    try:
        yield lease
    finally:
        try:
            lease.give_back()
        except DesyncRunError as error:
            task.warn(f"the lease of store {name} could not be given back, and ends later: {error}")


def standing_lease(task: Task[S], name: str, lasting: float) -> StandingLease | None:
    """Take the lease of the store called `name` for clients, who are promised `lasting` seconds.

    None where it has none. Others are waited for as long as the job says; `LockedError` where that
    is not enough.
    """
    from desync_jobs.stores.leasing import take_standing_lease

    around = surroundings(task)
    return take_standing_lease(_asking(task, name), lasting, around)


def _asking(task: Task[S], name: str) -> "Asking":
    from desync_jobs.stores.leasing import Asking

    said = task.machine.job.spec.lease_wait
    return Asking(name, _owner(task), _WAIT if said is None else said)


def _owner(task: Task[S]) -> str:
    """Say who has a lease, so that somebody can go there."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{task.name} of {user}@{socket.gethostname()}, process {os.getpid()}"
