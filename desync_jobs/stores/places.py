"""The places of a run that are elsewhere: each is opened once, and hosts share their budgets.

Operations read with limits and digests of their own, so their stores differ; connections and
what a host asked to be spared are the same for all of them.
"""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar, cast

from desync_jobs.stores.policy.hosts import Hosts

P = TypeVar("P")


class Places:
    """Opened places by what they were opened with. Safe to use from many threads."""

    def __init__(self) -> None:
        self.hosts = Hosts()
        self._lock = Lock()
        self._opened: dict[Hashable, object] = {}

    def get(self, key: Hashable, open_place: Callable[[], P]) -> P:
        """Return the place of `key`, opened now if it was not before; a key has one type."""
        with self._lock:
            if key not in self._opened:
                self._opened[key] = open_place()
            return cast("P", self._opened[key])
