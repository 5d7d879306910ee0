"""What a store did, counted where it happened."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import perf_counter
from typing import Final


@dataclass(frozen=True, slots=True)
class Counts:
    """What one place did since it was opened."""

    chunks: int = 0
    """Verified chunks given."""
    stored_bytes: int = 0
    """Stored bytes they were read as."""
    requests: int = 0
    """What the place was asked: files looked for, or requests sent."""
    chunks_added: int = 0
    """Chunks written, replacements included."""
    stored_bytes_added: int = 0
    """Stored bytes written."""
    retries: int = 0
    """Requests that were repeated because the place failed; they are not in `requests`."""
    plain_bytes: int = 0
    """Bytes of the chunks given, after decoding."""
    seconds: float = field(default=0.0, compare=False)
    """Time spent waiting for the place, the waiting of several threads added up. Two places that
    did the same are equal, however long it took."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.chunks + other.chunks,
            self.stored_bytes + other.stored_bytes,
            self.requests + other.requests,
            self.chunks_added + other.chunks_added,
            self.stored_bytes_added + other.stored_bytes_added,
            self.retries + other.retries,
            self.plain_bytes + other.plain_bytes,
            self.seconds + other.seconds,
        )

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(
            self.chunks - other.chunks,
            self.stored_bytes - other.stored_bytes,
            self.requests - other.requests,
            self.chunks_added - other.chunks_added,
            self.stored_bytes_added - other.stored_bytes_added,
            self.retries - other.retries,
            self.plain_bytes - other.plain_bytes,
            self.seconds - other.seconds,
        )


NO_COUNTS: Final = Counts()


class Waiting:
    """Adds up how long its blocks took, for `Counts.seconds`; one for each batch and thread."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def __enter__(self) -> None:
        self._since = perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += perf_counter() - self._since


class Counters:
    """A sum of `Counts` that many threads add to, once a batch."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._total = Counts()

    def add(self, counts: Counts) -> None:
        """Add what one batch did."""
        with self._lock:
            self._total += counts

    def total(self) -> Counts:
        """Return the sum so far."""
        with self._lock:
            return self._total


def sum_counts(parts: Iterable[Mapping[str, Counts]]) -> dict[str, Counts]:
    """Add up by name what the places behind several sources did."""
    total: dict[str, Counts] = {}
    for part in parts:
        for name, counts in part.items():
            total[name] = total.get(name, Counts()) + counts
    return total
