"""A place of indexes that is written to while nobody deletes the chunks that they name."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO

from desync_jobs.errors import LockedError
from desync_jobs.server.answers import busy
from desync_jobs.server.index_places import IndexPlace


class LeasedIndexes:
    """The `IndexPlace` that is `place`.

    `leased` has, for an index of a name, the leases of the stores with its chunks. `RefusedError`
    where somebody has one of them for long, which is told to `report`.
    """

    def __init__(
        self,
        place: IndexPlace,
        leased: Callable[[str], AbstractContextManager[object]],
        report: Callable[[str], None],
    ) -> None:
        self._place = place
        self._leased = leased
        self._report = report

    @property
    def spool(self) -> str | None:
        return self._place.spool

    def open(self, name: str, limit: int) -> BinaryIO | None:
        return self._place.open(name, limit)

    def has(self, name: str) -> bool:
        return self._place.has(name)

    def write(self, name: str, content: BinaryIO) -> None:
        try:
            with self._leased(name):
                self._place.write(name, content)
        except LockedError as error:
            self._report(f"the index {name} was not taken: {error}")
            raise busy() from error

    def names(self) -> list[str]:
        return self._place.names()
