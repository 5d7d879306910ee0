"""The leases of one operation, and what appears under them."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from desync_jobs.manifest.paths import url_scheme
from desync_jobs.stores.leases.base import Lease

_TOGETHER: Final = 256
"""Indexes that collectors are told of at a time, so that each takes no request of its own."""


class HeldLeases(dict[str, Lease]):
    """Leases by the names of their stores."""

    def __init__(self) -> None:
        super().__init__()
        self._expected: deque[str] = deque()
        self._told: set[str] = set()

    def check(self) -> None:
        """Raise `LockedError` where one was lost: then nothing may be counted on any more."""
        for lease in self.values():
            lease.check()

    def expect(self, places: Iterable[str]) -> None:
        """Say where indexes will appear soon, in this order, for collectors to be told in time.

        Within hours: they are told of each for a day, beginning with one that came before it.
        """
        self._expected += [place for place in places if url_scheme(place)]

    def index_appears(self, place: str) -> None:
        """Call this just before an index appears at `place`, an absolute path or a URL.

        `LockedError` where a lease was lost under which its chunks were stored: then it must not.
        Collectors are told of those whose listing may not show it yet.
        """
        self.check()  # whoever has lost one has nothing to tell
        if url_scheme(place) and place not in self._told:
            soon = min(len(self._expected), _TOGETHER)
            # Without order, and not twice where it was expected.
            urls = dict.fromkeys([place, *(self._expected.popleft() for _ in range(soon))])
            for lease in self.values():
                lease.publishes(tuple(urls))
            self._told = set(urls)
            # That takes requests, between which a process may stand still for long.
            self.check()
