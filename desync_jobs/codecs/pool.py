"""Contexts kept between calls, for coders whose contexts serve one call at a time."""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Pool(Generic[T]):
    """Free contexts. Taking one from a `deque` and putting it back are atomic.

    A context of zstandard takes some microseconds and 100 KiB to make, so one a chunk would
    cost a tenth of the decoding.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._free: deque[T] = deque()

    def take(self) -> T:
        """Return a context that nobody else has; make one where none is free."""
        try:
            return self._free.pop()
        except IndexError:
            return self._make()

    def give(self, context: T) -> None:
        """Put a context back for the next call."""
        self._free.append(context)
