"""What a run did at each place, as the values of its result."""

from collections.abc import Mapping
from dataclasses import dataclass

from desync_jobs.stores.counters import Counts

_DIGITS = 6


@dataclass(slots=True)
class Share:
    """What one local source gave: a seed, zeros, or the target itself."""

    chunks: int = 0
    bytes: int = 0

    def add(self, chunks: int, size: int) -> None:
        """Count some more chunks of `size` bytes in all."""
        self.chunks += chunks
        self.bytes += size


def source_statistics(shares: Mapping[str, Share]) -> dict[str, dict[str, int]]:
    """Return what each local source gave, by its name in plans; those that gave nothing too."""
    return {name: {"chunks": one.chunks, "bytes": one.bytes} for name, one in shares.items()}


def place_statistics(counts: Mapping[str, Counts]) -> dict[str, dict[str, int | float]]:
    """Return what each store and cache did, by its name."""
    return {name: _of_place(one) for name, one in counts.items()}


def _of_place(counts: Counts) -> dict[str, int | float]:
    return {
        "chunks": counts.chunks,
        "bytes": counts.plain_bytes,
        "stored_bytes": counts.stored_bytes,
        "requests": counts.requests,
        "retries": counts.retries,
        "chunks_added": counts.chunks_added,
        "stored_bytes_added": counts.stored_bytes_added,
        "seconds": round(counts.seconds, _DIGITS),
    }
