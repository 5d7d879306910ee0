"""What a store did, counted where it happened."""

from dataclasses import dataclass
from threading import Lock


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

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.chunks + other.chunks,
            self.stored_bytes + other.stored_bytes,
            self.requests + other.requests,
            self.chunks_added + other.chunks_added,
            self.stored_bytes_added + other.stored_bytes_added,
        )


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
