"""The leases of an operation: had while it runs, for every store that it adds to."""

import getpass
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final, TypeVar

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.errors import DesyncRunError
from desync_jobs.execute.opening import Reading, surroundings
from desync_jobs.execute.task import Task
from desync_jobs.manifest.operations import OperationSpec
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.manifest.serving import ServerSpec
from desync_jobs.manifest.stores import CacheSpec
from desync_jobs.stores import open as opening
from desync_jobs.stores.leases.base import Lease
from desync_jobs.stores.leases.ledger import Role

S = TypeVar("S")

_WAIT: Final = 900.0
"""Seconds for which others are waited for, unless the job says otherwise."""


@contextmanager
def writing_leases(task: Task[OperationSpec]) -> Iterator[dict[str, Lease]]:
    """Have the leases of every store that the operation adds to, by the stores' names.

    A server would have them for as long as it runs, and its clients cannot be told; what they add
    is protected by its age alone. So is what lies in a cache: nobody counts on that.
    """
    with ExitStack() as held:
        names = () if isinstance(task.spec, ServerSpec) else task.spec.access().adds_to
        leases = {}
        # Whatever becomes of the operation: what failed may have appeared all the same.
        published = [one for one in map(task.path, task.spec.access().writes) if url_scheme(one)]
        for name in sorted(names):
            if not isinstance(task.machine.job.spec.place(name), CacheSpec):
                lease = held.enter_context(lease_of(task, name, Role.WRITER, published))
                if lease is not None:
                    leases[name] = lease
        yield leases


@contextmanager
def lease_of(
    task: Task[S], name: str, role: Role, published: Sequence[str] = ()
) -> Iterator[Lease | None]:
    """Have the lease of the store called `name`; None where it has none.

    `published` are the URLs of indexes that may appear under it.
    Others are waited for as long as the job says; `LockedError` where that is not enough.
    """
    around = surroundings(task, Reading(DigestAlgorithm.SHA512_256))
    said = task.machine.job.spec.lease_wait
    wait = _WAIT if said is None else said
    lease = opening.take_lease(name, role, _owner(task), wait, around)
    if lease is None:
        yield None
        return
    try:
        yield lease
    finally:
        try:
            lease.give_back(published)
        except DesyncRunError as error:
            task.warn(f"the lease of store {name} could not be given back, and ends later: {error}")


def _owner(task: Task[S]) -> str:
    """Say who has a lease, so that somebody can go there."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{task.name} of {user}@{socket.gethostname()}, process {os.getpid()}"
