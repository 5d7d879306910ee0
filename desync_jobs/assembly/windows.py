"""A stream read in stretches, each with room in front for what the last one left over.

A chunk that begins in one window and ends in the next must be contiguous in memory to
be digested and compressed. Each window therefore keeps room for one largest
chunk before its own bytes; the unfinished rest of the window before it is copied there. The room is
address space until something is copied into it, so a large maximum costs no memory.
"""

import mmap
import os
from typing import Final

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import SourceError

OVERLAP: Final = 47
"""Bytes before a window that its first candidate's hash reaches back to."""

_LARGEST: Final = 2 << 20
_SMALLEST: Final = 1 << 20
_BUDGET: Final = 64 << 20
"""Of bytes read and not yet done with, over all windows."""


class Window:
    """A buffer and the stretch of the stream in it; used again and again."""

    def __init__(self, room: int, size: int) -> None:
        self._room = max(room, OVERLAP)
        self._view = memoryview(mmap.mmap(-1, self._room + size))
        self.start = 0
        """Where in the stream this window's own bytes begin."""
        self.length = 0
        """How many own bytes it has."""

    @property
    def end(self) -> int:
        """Where in the stream this window ends."""
        return self.start + self.length

    def read(self, fd: int, name: str, cancel: Cancel) -> bool:
        """Fill with the next bytes of `fd`; False when nothing was left to read."""
        own = self._view[self._room :]
        self.length = 0
        while self.length < len(own):
            cancel.wait_for(fd)
            try:
                count = os.readv(fd, [own[self.length :]])
            except OSError as error:
                raise SourceError(f"{name}: cannot be read: {error.strerror}") from error
            if count == 0:
                break
            self.length += count
        return self.length > 0

    def follow(self, previous: "Window | None", origin: int) -> None:
        """Take the place after `previous` (at `origin` if None), and what hashes reach back to."""
        self.start = origin if previous is None else previous.end
        if previous is not None:
            reach = min(OVERLAP, previous.length)
            self._fill_front(previous.stretch(previous.end - reach, previous.end))

    def take_rest(self, previous: "Window", begin: int) -> None:
        """Copy what `previous` has from stream position `begin` on in front of this window."""
        self._fill_front(previous.stretch(begin, previous.end))

    def _fill_front(self, data: memoryview) -> None:
        self._view[self._room - len(data) : self._room] = data

    def stretch(self, begin: int, end: int) -> memoryview:
        """Return the bytes of stream positions `begin` to `end`, which may lie in front."""
        shift = self._room - self.start
        return self._view[begin + shift : end + shift]


def window_size(depth: int) -> int:
    """Return the bytes of a window when `depth` of them exist at once."""
    size = _LARGEST
    while size > _SMALLEST and size * depth > _BUDGET:
        size //= 2
    return size
