"""Leases of a local store: a lock of the kernel on its directory.

Shared by writers, had alone by a collector, and gone with the process. File systems of networks
have no such locks for directories, or have them for one machine only.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterable
from typing import Final

from desync_jobs.errors import LockedError, StoreError
from desync_jobs.stores.leases.ledger import Role
from desync_jobs.stores.policy.values import Stopper

_LOOK_AGAIN: Final = 0.1
_NO_LOCKS: Final = {errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}


class DirectoryLease:
    """A `Lease` of the store in a directory."""

    def __init__(self, store: str, path: str) -> None:
        self.role = Role.WRITER
        self._store = store
        self._path = path
        self._fd = -1

    def take(self, role: Role, wait: float, stopper: Stopper, tell: Callable[[str], None]) -> None:
        """Return when the store may be used as `role`.

        Others are waited for, for at most `wait` seconds, after `tell` was told; `LockedError`
        where that was not enough, `StoreError` where there are no locks and one is needed.
        """
        self.role = role
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # a store that is not there yet has nothing to be deleted
        except OSError as error:
            if role is Role.WRITER:
                return  # what cannot be opened cannot be written to either, as the store tells
            raise StoreError(
                f"store {self._store}: {self._path} cannot be opened: {error.strerror}"
            ) from error
        try:
            self._wait(time.monotonic() + wait, stopper, tell)
        except BaseException:
            self.give_back()
            raise

    def _wait(self, end: float, stopper: Stopper, tell: Callable[[str], None]) -> None:
        told = False
        while not self._locked():
            who = _others(self._fd)
            if time.monotonic() >= end:
                raise LockedError(
                    f"store {self._store} ({self._path}) is in use by {who}; run again when that "
                    "is done, or wait for longer (lease_wait)"
                )
            if not told:
                tell(f"store {self._store} is in use by {who}; waiting for that to end")
                told = True
            stopper.pause(_LOOK_AGAIN)

    def _locked(self) -> bool:
        how = fcntl.LOCK_SH if self.role is Role.WRITER else fcntl.LOCK_EX
        try:
            fcntl.flock(self._fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise StoreError(
                    f"store {self._store}: {self._path} cannot be locked: {error.strerror}"
                ) from error
            if self.role is Role.COLLECTOR:
                raise StoreError(
                    f"store {self._store}: the file system of {self._path} has no locks, so that "
                    "nobody can tell who writes to it; let prune run on the machine that has it"
                ) from error
        return True

    def check(self) -> None:
        """Return: the kernel takes no lock from a process."""

    def published(self) -> tuple[str, ...]:
        return ()

    def give_back(self, published: Iterable[str] = ()) -> None:
        del published  # a directory shows them as soon as they are there
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _others(fd: int) -> str:
    """Name the processes that have a lock on what is open as `fd`, as far as they can be seen."""
    about = os.fstat(fd)
    place = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    found = []
    try:
        with open("/proc/locks", encoding="ascii") as locks:
            for line in locks:
                words = line.split()
                if "FLOCK" in words and place in words:
                    found.append(words[words.index(place) - 1])
    except OSError:
        found = []
    others = sorted({int(one) for one in found} - {os.getpid()})
    if not others:
        return "another program"
    return f"process {' and '.join(map(str, others))} of this machine"
