"""What a server did, over all of its connections."""

from threading import Lock


class Tally:
    """Counts from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.requests = 0
        """Requests that were answered, errors among them."""
        self.bytes = 0
        """Bytes of the blob that were sent."""

    def answered(self, size: int) -> None:
        """Take note of an answer with so many bytes of the blob."""
        with self._lock:
            self.requests += 1
            self.bytes += size
