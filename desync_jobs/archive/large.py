"""A regular file that is too large for one thread and one piece of memory.

As long as it comes as a file there already has it, it is only compared. From the first difference
on its pieces are written by any number of threads; whichever is the last shows the file.
"""

import os
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Final
from zlib import crc32

from desync_jobs.archive.content import same_content
from desync_jobs.archive.entries import Entries, NewFile
from desync_jobs.archive.folders import Folder
from desync_jobs.archive.standing import Standing
from desync_jobs.archive.straight import Found
from desync_jobs.archive.wanted import Wanted
from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import TargetError
from desync_jobs.formats.catar.node import Node

if TYPE_CHECKING:
    from desync_jobs.archive.twins import Twin

_COPIED: Final = 1 << 20

Part = Callable[[], None]
"""Writes one piece, and shows the file where that was the last one."""


class LargeFile:
    """One file on its way; `finished` is told what came of it."""

    def __init__(
        self,
        makers: tuple[Entries, Standing],
        folder: Folder,
        node: Node,
        wanted: Wanted,
        finished: Callable[[Found], None],
        twin: "Twin | None",
    ) -> None:
        self._entries, self._standing = makers
        self._folder = folder
        self._node = node
        self._wanted = wanted
        self._finished = finished
        self._twin = twin
        self._old: int | None = None
        self._new: NewFile | None = None
        self._offset = 0
        # The file on disk may be another when it is copied. These are to notice what somebody else
        # does at the same time, and a digest would take longer than everything else.
        self._compared = 0
        """CRC-32 of what was right."""
        self._written_ns = 0
        """When the file on disk was written to last."""
        self._left = 1
        """Pieces that are not written, and one for the end."""
        self._lock = Lock()

    def begin(self, size: int, *, exists: bool) -> None:
        """Open what is compared, or begin to write."""
        self._size = size
        if exists:
            self._old = self._standing.open_file(self._folder, self._node, self._wanted, size)
        if self._old is None:
            self._new = self._begin_new()
        else:
            self._written_ns = os.fstat(self._old).st_mtime_ns

    def add(self, data: BytesLike) -> Part | None:
        """Take the next piece; returns what any thread has to do with it.

        All but the last end where a block does, so that no block of zeros is missed.
        """
        offset, self._offset = self._offset, self._offset + len(data)
        if self._old is not None:
            if same_content(self._old, offset, data):
                self._compared = crc32(data, self._compared)
                return None
            self._new = self._begin_new()
            copied = _copy(self._old, self._new, offset)
            written_ns = os.fstat(self._old).st_mtime_ns
            if (copied, written_ns) != (self._compared, self._written_ns):
                raise TargetError("was written to while it was compared; run this again")
            os.close(self._old)
            self._old = None
        with self._lock:
            self._left += 1
        return lambda: self._write(offset, data)

    def end(self) -> None:
        """Say that everything was added."""
        if self._old is None:
            self._count_down()
            return
        path = self._folder.path + b"/" + self._node.name
        self._finished(self._standing.metadata(self._old, self._wanted, path))
        os.close(self._old)
        self._old = None

    def discard(self) -> None:
        """Leave nothing of it, unless it is complete; no thread works on it any more."""
        if self._old is not None:
            os.close(self._old)
        if self._new is not None and self._left:
            self._new.discard()

    def _begin_new(self) -> NewFile:
        file = self._entries.begin_file(self._folder, self._node.name, self._wanted)
        self._new = file
        file.set_size(self._size)
        if self._twin is not None:
            file.borrow(self._twin, self._size)
        return file

    def _write(self, offset: int, data: BytesLike) -> None:
        if self._new is None:
            raise TypeError("pieces are written to a new file")
        self._new.write(offset, data)
        self._count_down()

    def _count_down(self) -> None:
        with self._lock:
            self._left -= 1
            last = not self._left
        if last and self._new is not None:
            self._entries.publish(self._new, self._wanted, self._twin)
            self._finished(Found.OTHER)


def _copy(old: int, new: NewFile, size: int) -> int:
    """Write the beginning of an old file into a new one; returns the CRC-32 of what it was."""
    copied = offset = 0
    while data := os.pread(old, min(_COPIED, size - offset), offset):
        new.write(offset, data)
        copied = crc32(data, copied)
        offset += len(data)
    return copied
