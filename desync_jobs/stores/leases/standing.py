"""The lease of a local store that a server has for its clients."""

import time
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Final

from desync_jobs.stores.leases.directory import DirectoryLease
from desync_jobs.stores.leases.ledger import Entry
from desync_jobs.stores.leases.promises import promises
from desync_jobs.stores.leases.role import Role
from desync_jobs.stores.objects.directory import DirectoryPlace
from desync_jobs.stores.policy.values import Stopper

_AHEAD: Final = 2
"""How many times what was agreed is promised at once, so that few files are written."""


class StandingDirectoryLease:
    """A `StandingLease` of the store in a directory: the lock, and promises of `lasting` seconds.

    The lock keeps collectors out while this process lives, the promise also afterwards.
    """

    role = Role.WRITER

    def __init__(self, store: str, path: str, owner: str, lasting: float) -> None:
        self._lock = DirectoryLease(store, path)
        self._promises = promises(DirectoryPlace(store, path))
        self._owner = owner
        self._lasting = lasting
        self._id = token_hex(16)
        self._until = 0.0

    def take(self, wait: float, stopper: Stopper, tell: Callable[[str], None]) -> None:
        """Return when nobody deletes; raises what `DirectoryLease.take` does."""
        self._lock.take(Role.WRITER, wait, stopper, tell)

    def promise(self) -> float:
        now = time.time()
        if self._until - now < self._lasting:
            self._promise(now + _AHEAD * self._lasting)
        return self._until - now - self._lasting

    def _promise(self, until: float) -> None:
        entry = Entry(id=self._id, role=self.role, owner=self._owner, until=until)
        self._promises.put(entry)
        self._until = until

    def check(self) -> None:
        self._lock.check()

    def published(self) -> tuple[str, ...]:
        return self._lock.published()

    def publishes(self, urls: Sequence[str]) -> None:
        self._lock.publishes(urls)

    def give_back(self) -> None:
        try:
            self._promises.remove(self._id)
        finally:
            self._lock.give_back()

    def leave(self) -> None:
        try:
            self._promise(min(self._until, time.time() + self._lasting))
        finally:
            self._lock.give_back()
