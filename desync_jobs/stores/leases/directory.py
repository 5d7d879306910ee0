"""Leases of a local store: a lock of the kernel on its directory, and notes of what is published.

Shared by writers, had alone by a collector, and gone with the process. What was promised to others
is not: a collector waits for that, too. File systems of networks have no such locks for
directories, or have them for one machine only.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from secrets import randbelow
from typing import Final

from desync_jobs.errors import LockedError, StoreError
from desync_jobs.stores.leases.ledger import REMEMBERED, Entry
from desync_jobs.stores.leases.promises import promises
from desync_jobs.stores.leases.publications import FOLDER, PublicationLists
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.objects.directory import DirectoryPlace
from desync_jobs.stores.policy.values import Stopper

_LOOK_AGAIN: Final = 0.1
_NO_LOCKS: Final = {errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}
_SELDOM: Final = 64
"""Of so many times that something is noted, old notes are removed once: nobody may ever prune."""
_NOT_OURS: Final = {errno.EACCES, errno.EPERM, errno.EROFS}


class DirectoryLease:
    """A `Lease` of the store in a directory."""

    def __init__(self, store: str, path: str) -> None:
        self.role = Role.WRITER
        self._store = store
        self._path = path
        self._fd = -1
        self._tell: Callable[[str], None] = _nobody

    def take(self, role: Role, wait: float, stopper: Stopper, tell: Callable[[str], None]) -> None:
        """Return when the store may be used as `role`.

        Others are waited for, for at most `wait` seconds, after `tell` was told; `LockedError`
        where that was not enough, `StoreError` where there are no locks and one is needed. A writer
        creates a directory that is not there.
        """
        self.role, self._tell = role, tell
        try:
            if role is Role.WRITER:
                # There from now on: what is created later could be had by a collector first.
                os.makedirs(self._path, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # nothing can be deleted there
        except OSError as error:
            if role is Role.WRITER:
                return  # what cannot be opened cannot be written to either, as the store tells
            raise StoreError(
                f"store {self._store}: {self._path} cannot be opened: {error.strerror}"
            ) from error
        try:
            self._wait(time.monotonic() + wait, stopper)
        except BaseException:
            self.give_back()
            raise

    def _wait(self, end: float, stopper: Stopper) -> None:
        told = False
        while who := self._hindered():
            if time.monotonic() >= end:
                raise LockedError(
                    f"store {self._store} ({self._path}) is in use by {who}; run again when that "
                    "is done, or wait for longer (lease_wait)"
                )
            if not told:
                self._tell(f"store {self._store} is in use by {who}; waiting for that to end")
                told = True
            stopper.pause(_LOOK_AGAIN)

    def _hindered(self) -> str | None:
        """Have the lock, or return who is in the way."""
        locked = self._locked()
        if locked and self.role is Role.WRITER:
            return None
        now = time.time()
        promised = self._promises()
        standing = {name: one for name, one in promised.items() if now <= one.until}
        if not locked:
            return _named(standing.values()) or _others(self._fd)
        if standing:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            # Whoever knows better than its owner, who may be gone, removes the promise.
            return f"{_named(standing.values())}, as {' and '.join(standing)} there says"
        self._place().delete(list(promised))
        return None

    def _promises(self) -> dict[str, Entry]:
        return promises(self._place()).found() if self.role is Role.COLLECTOR else {}

    def _place(self) -> DirectoryPlace:
        return DirectoryPlace(self._store, self._path)

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
        if self._fd < 0:
            return ()
        return tuple(PublicationLists(self._place()).urls((), time.time()))

    def publishes(self, urls: Sequence[str]) -> None:
        if not os.path.isdir(self._path):
            return  # a store that is not there has nothing to be deleted
        try:
            lists, now = PublicationLists(self._place()), time.time()
            lists.put(urls, now + REMEMBERED)
            self._sync()
            if not randbelow(_SELDOM):
                lists.remove_old(now)
        except StoreError as error:
            reason = error.__cause__
            if not isinstance(reason, OSError) or reason.errno not in _NOT_OURS:
                raise
            # Whoever only reads the store publishes what others have stored.
            self._tell(
                f"store {self._store}: prune it only when listings show the indexes that appear "
                f"now: they cannot be noted in {self._path}/{FOLDER}: {reason.strerror}"
            )

    def _sync(self) -> None:
        """Have the names of lists survive a power cut, as what is in them does."""
        path = f"{self._path}/{FOLDER}"
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise StoreError(
                f"store {self._store}: {path} cannot be synced: {error.strerror}"
            ) from error

    def give_back(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _nobody(message: str) -> None:
    del message


def _named(found: Iterable[Entry]) -> str:
    """Say who made promises, and until when they stand."""
    return " and ".join(f"{one.owner}, until {_time(one.until)}" for one in found)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


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
