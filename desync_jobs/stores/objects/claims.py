"""Who is writing which chunk now, so that the threads of a run write each once."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Final

from desync_jobs.core.chunk import ChunkID
from desync_jobs.stores.policy.values import Stopper

_LOOK_AGAIN: Final = 0.1


class Claims:
    """Chunk IDs that one thread each has for itself; taken together, so nobody waits in a ring."""

    def __init__(self, stopper: Stopper) -> None:
        self._stopper = stopper
        self._taken: set[ChunkID] = set()
        self._freed = Condition()

    @contextmanager
    def of(self, ids: Collection[ChunkID]) -> Iterator[None]:
        """Have `ids` alone; waits for who has one of them, until asked to stop."""
        with self._freed:
            while not self._taken.isdisjoint(ids):
                self._stopper.check()
                self._freed.wait(_LOOK_AGAIN)
            self._taken.update(ids)
        try:
            yield
        finally:
            with self._freed:
                self._taken.difference_update(ids)
                self._freed.notify_all()
