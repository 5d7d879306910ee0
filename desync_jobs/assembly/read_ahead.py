"""Telling reads in a row from reads at random, and what to fetch before it is asked for.

Several readers may go through a blob at once, each in its own place, and the parts of one
reader's requests may come out of order: a kernel sends several at a time. So a read belongs to
the stream that ended near where it begins, near being twice its own length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

_STREAMS: Final = 8
"""Streams told apart; of more, the one that was read last pushes out the oldest."""
_FIRST_WINDOW: Final = 512 << 10
_LARGEST_WINDOW: Final = 16 << 20
_NEAR: Final = 2
_IN_A_ROW: Final = 3
"""Reads after which they are a stream."""


@dataclass(slots=True)
class _Stream:
    end: int
    """The end of the furthest read."""
    ahead: int
    """Up to where was asked for already."""
    reads: int = 1
    window: int = _FIRST_WINDOW


class ReadAhead:
    """Watches the reads of one blob; used from many threads.

    What all streams ask for in advance is at most `budget` bytes.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._lock = Lock()
        self._streams: list[_Stream] = []

    def after(self, begin: int, end: int) -> tuple[int, int] | None:
        """Take note of a read of the bytes `begin` to `end`.

        Returns the bytes to fetch in advance, which may be past the end of the blob; None
        where there are none. It asks for each byte of a stream once, in growing steps.
        """
        with self._lock:
            stream = _nearest(self._streams, begin, end)
            if stream is None:
                self._streams.append(_Stream(end, end))
                del self._streams[:-_STREAMS]
                return None
            self._streams.remove(stream)
            self._streams.append(stream)
            if end <= stream.end:
                return None
            stream.end = end
            stream.reads += 1
            return self._wanted(stream) if stream.reads >= _IN_A_ROW else None

    def _wanted(self, stream: _Stream) -> tuple[int, int] | None:
        running = sum(one.reads >= _IN_A_ROW for one in self._streams)
        window = min(stream.window, _LARGEST_WINDOW, self._budget // running)
        begin = max(stream.ahead, stream.end)
        end = stream.end + window
        if end - begin < window // 2:
            return None
        stream.ahead = end
        stream.window = min(2 * stream.window, _LARGEST_WINDOW)
        return begin, end


def _nearest(streams: Sequence[_Stream], begin: int, end: int) -> _Stream | None:
    near = _NEAR * (end - begin)
    close = [one for one in streams if abs(begin - one.end) <= near]
    return min(close, key=lambda one: abs(begin - one.end), default=None)
