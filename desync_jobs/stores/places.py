"""The places of a run that are elsewhere: each is opened once, and hosts share their budgets.

Operations read with limits and digests of their own, so their stores differ; connections and
what a host asked to be spared are the same for all of them.
"""

from collections.abc import Callable, Hashable
from contextlib import ExitStack, suppress
from threading import Lock
from typing import Protocol, TypeVar, cast, runtime_checkable

from desync_jobs.errors import StoreError
from desync_jobs.stores.policy.hosts import Hosts

P = TypeVar("P")


@runtime_checkable
class Secretive(Protocol):
    """A place that is asked with secrets."""

    def look_up_secrets(self) -> None:
        """Look up what is looked up at first use otherwise; raises what that raises."""
        ...


class Places:
    """Opened places by what they were opened with. Safe to use from many threads.

    Whoever makes one closes it when nobody asks these places any more: what they have open, in
    threads and connections, would stay with a process that goes on.
    """

    def __init__(self) -> None:
        self.hosts = Hosts()
        self._lock = Lock()
        self._opened: dict[Hashable, object] = {}
        self._at_end = ExitStack()

    def get(self, key: Hashable, open_place: Callable[[], P]) -> P:
        """Return the place of `key`, opened now if it was not before; a key has one type."""
        with self._lock:
            if key not in self._opened:
                self._opened[key] = open_place()
            return cast("P", self._opened[key])

    def at_end(self, close: Callable[[], None]) -> None:
        """Have `close` called when these places are closed: the last one that was given first."""
        self._at_end.callback(close)  # not under the lock: places are opened under it

    def close(self) -> None:
        """Close what was opened, without waiting for any server; asking it again is an error."""
        self._at_end.close()

    def look_up_secrets(self) -> None:
        """Look up the secrets of all opened places; `UsageError` where one is not where it is said.

        What fails otherwise, such as a command, is tried again when the place is used.
        """
        with self._lock:
            opened = list(self._opened.values())
        for place in opened:
            if isinstance(place, Secretive):
                with suppress(StoreError):
                    place.look_up_secrets()
