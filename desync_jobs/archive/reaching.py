"""Files of a tree by their numbers, reached from its top without following a link.

Millions of names take little memory. Directories on the way are opened as such and nothing else,
so whatever becomes of the tree meanwhile, nothing outside of it is opened.
"""

import os
import stat
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, local
from typing import Final

_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KEPT: Final = 16
"""Directories that a thread keeps open: neighbours in an archive are in few."""


class Names:
    """Names in directories, numbered from 0 as they are added."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("Q")
        self._folders = array("I")

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, folder: int, name: bytes) -> int:
        """Add a name in the directory with the number `folder`; returns its own number."""
        self._text += name
        self._ends.append(len(self._text))
        self._folders.append(folder)
        return len(self._ends) - 1

    def folder(self, number: int) -> int:
        """Return the directory that a name is in."""
        return self._folders[number]

    def name(self, number: int) -> bytes:
        """Return a name."""
        begin = self._ends[number - 1] if number else 0
        return bytes(self._text[begin : self._ends[number]])


class Reach:
    """Opens the files of one tree, from any thread; closed by `close`.

    The number of the top itself is 0. `OSError` where the top is no directory.
    """

    def __init__(self, root: str) -> None:
        self.root: Final = root
        self.folders: Final = Names()
        self.files: Final = Names()
        self._top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._mine = local()
        self._all: list[dict[int, int]] = []
        self._lock = Lock()
        self.folders.add(0, b"")

    @contextmanager
    def opened(self, number: int) -> Iterator[int]:
        """Open a file for reading; `OSError` where it is none any more, or cannot be read."""
        folder = self._folder(self.files.folder(number))
        fd = os.open(self.files.name(number), _FILE, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise FileNotFoundError
            yield fd
        finally:
            os.close(fd)

    def path(self, number: int) -> bytes:
        """Return where a file was, from the top."""
        names = [self.files.name(number)]
        folder = self.files.folder(number)
        while folder:
            names.append(self.folders.name(folder))
            folder = self.folders.folder(folder)
        return b"/".join(reversed(names))

    def close(self) -> None:
        """Close all directories; no thread may open anything any more."""
        for kept in self._all:
            for fd in kept.values():
                os.close(fd)
        self._all = []
        with suppress(OSError):
            os.close(self._top)

    def _folder(self, number: int) -> int:
        """Return the open directory with a number; one of the last few is open already."""
        kept = self._kept()
        missing = []
        while number and number not in kept:
            missing.append(number)
            number = self.folders.folder(number)
        fd = self._top
        if number:
            fd = kept[number] = kept.pop(number)  # used last
        for below in reversed(missing):
            fd = os.open(self.folders.name(below), _FOLDER, dir_fd=fd)
            kept[below] = fd
            if len(kept) > _KEPT:
                os.close(kept.pop(next(iter(kept))))
        return fd

    def _kept(self) -> dict[int, int]:
        kept: dict[int, int] | None = getattr(self._mine, "kept", None)
        if kept is None:
            kept = self._mine.kept = {}
            with self._lock:
                self._all.append(kept)
        return kept
