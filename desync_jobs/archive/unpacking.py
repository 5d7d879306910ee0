"""An archive, as its nodes come → a directory tree on disk.

One thread takes the nodes and makes directories; others write what is in them, in batches.
A directory is finished when the last of its entries is: extraneous ones are removed, and its own
metadata set. Nothing is reached by a path: names are looked up in the open directory they are in,
and links are never followed. Memory: what is under way, and names of the directories on the way.
"""

import os
import stat
from collections.abc import Callable, Iterator

from desync_jobs.archive.borrowing import Borrowing
from desync_jobs.archive.filesystem import COARSE, file_system
from desync_jobs.archive.filling import Filling
from desync_jobs.archive.folders import Folder, is_plain
from desync_jobs.archive.growing import Growing
from desync_jobs.archive.making import Counts, Making, Rules, about
from desync_jobs.archive.removal import open_directory
from desync_jobs.archive.wanted import Demands
from desync_jobs.assembly.workers import Workers
from desync_jobs.errors import TargetError
from desync_jobs.formats.catar.decode import Taken
from desync_jobs.formats.catar.node import Node
from desync_jobs.formats.catar.reading import Event, Opened


class Unpacking:
    """Unpacks one archive at the path `target`, whose folder is open as `parent`.

    `lock` is given the target's own directory before anything in it is changed.
    """

    def __init__(
        self,
        parent: int,
        target: str,
        rules: Rules,
        workers: Workers,
        lock: Callable[[int], None],
        borrowing: Borrowing | None = None,
    ) -> None:
        self._parent = parent
        self._target = os.fsencode(target)
        self._rules = rules
        self._workers = workers
        self._lock = lock
        self._borrowing = borrowing or Borrowing(None, links=False)
        self._filling: Filling | None = None

    def unpack(self, events: Iterator[Event]) -> Counts:
        """Make the tree; returns when everything of it is complete.

        Raises `TargetError` for what cannot be written and what the target cannot hold, and
        whatever `events` raise. Files are whole then or not there, and no thread is at work.
        """
        root = next(events)
        if not isinstance(root, Opened):
            raise TypeError("an archive begins with its root")
        demands = Demands(self._rules.choice.of(root.node.entry.feature_flags))
        coarse = file_system(self._parent) in COARSE
        making = Making(demands, self._rules, self._borrowing, coarse=coarse)
        features, unseen = root.node.entry.feature_flags, self._rules.unseen
        growing = Growing(demands, making.straight, features, unseen=unseen)
        filling = self._filling = Filling(making, self._workers, self._borrowing, growing)
        try:
            with about(self._target):
                filling.begin(self._open_top(making, root.node))
            for event in events:
                filling.take(event)
            filling.end()
        finally:
            filling.settle()
            making.give_up()
        return making.counts

    def take(self, view: memoryview, at: int, depth: int, room: int) -> Taken | None:
        """Make plain nodes as they lie in an archive's bytes; a `Taker` for who reads it."""
        return None if self._filling is None else self._filling.grow(view, at, depth, room)

    def _open_top(self, making: Making, node: Node) -> Folder:
        name = os.path.basename(self._target)
        try:
            found = os.stat(name, dir_fd=self._parent, follow_symlinks=False)
        except FileNotFoundError:
            plain = is_plain(self._parent)
            folder = making.new(self._parent, name, self._target, node, plain=plain)
            self._lock(folder.fd)
            return folder
        if not stat.S_ISDIR(found.st_mode):
            raise TargetError(f"{os.fsdecode(self._target)} is not a directory; name another")
        fd = open_directory(self._parent, name)
        try:
            self._lock(fd)
        except BaseException:
            os.close(fd)
            raise
        return making.adopt(fd, self._target, node, found.st_mode)
