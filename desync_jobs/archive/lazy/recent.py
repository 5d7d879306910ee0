"""What was used last, kept in bounds."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Values by keys, with weights of at most `limit` in all; used from many threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = 0

    def get(self, key: K) -> V | None:
        """Return a value that is here, and note that it was used."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def keep(self, key: K, value: V, weight: int) -> None:
        """Keep a value, in the place of those not used for longest."""
        with self._lock:
            if key in self._values:
                return
            self._values[key] = value, weight
            self._weight += weight
            while self._weight > self._limit and len(self._values) > 1:
                self._weight -= self._values.popitem(last=False)[1][1]
