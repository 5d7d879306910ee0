"""An archive, as its nodes come → a directory tree on disk.

One thread takes the nodes and makes directories; others write what is in them, in batches.
A directory is finished when the last of its entries is: extraneous ones are removed, and its own
metadata set. Nothing is reached by a path: names are looked up in the open directory they are in,
and links are never followed. Memory: what is under way, and names of the directories on the way.
"""

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from desync_jobs.archive.borrowing import Borrowing
from desync_jobs.archive.content import BLOCK
from desync_jobs.archive.filesystem import COARSE, file_system
from desync_jobs.archive.folders import Folder, is_plain
from desync_jobs.archive.large import LargeFile
from desync_jobs.archive.making import Content, Counts, Making, Rules, about
from desync_jobs.archive.removal import open_directory
from desync_jobs.archive.wanted import Demands
from desync_jobs.assembly.workers import Workers, settle
from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import TargetError
from desync_jobs.formats.catar.node import Node
from desync_jobs.formats.catar.reading import Closed, Event, Opened
from desync_jobs.formats.catar.records import Payload

if TYPE_CHECKING:
    from desync_jobs.archive.twins import Twin

_SMALL: Final = 1 << 18
"""A file of no more bytes is written by one thread, together with others."""
_PART: Final = 1 << 19
"""Bytes of a larger one that are handed on together."""
_BATCH_BYTES: Final = 1 << 20
_BATCH_ENTRIES: Final = 64
_MOST_FOLDERS: Final = 256
"""Directories that may be open because something in them is under way."""


@dataclass(slots=True)
class _Incoming:
    """A regular file whose content is arriving."""

    folder: Folder
    node: Node
    size: int
    exists: bool
    twin: "Twin | None"
    parts: list[BytesLike] = field(default_factory=list)
    held: int = 0
    """Bytes of `parts`."""
    large: LargeFile | None = None

    @property
    def path(self) -> bytes:
        """For messages."""
        return self.folder.path + b"/" + self.node.name


_Job: TypeAlias = tuple[Folder, Node, Content | None, bool]
"""What a thread makes: where, what, a file's content, and whether its name may be taken."""


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
        filling = _Filling(making, self._workers, self._borrowing)
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


class _Filling:
    """Hands what is in a tree to threads."""

    def __init__(self, making: Making, workers: Workers, borrowing: Borrowing) -> None:
        self._making = making
        self._workers = workers
        self._borrowing = borrowing
        self._stack: list[Folder] = []
        self._batch: list[_Job] = []
        self._batch_bytes = 0
        self._running: deque[Future[None]] = deque()
        self._incoming: _Incoming | None = None

    def begin(self, top: Folder) -> None:
        """Begin with the directory that everything is in."""
        self._stack.append(top)

    def take(self, event: Event) -> None:
        """Do what an event says, now or as soon as a thread has time."""
        if isinstance(event, memoryview):
            # Bytes stay what they are; any other memory is used for the next piece.
            self._take_piece(event if isinstance(event.obj, bytes) else bytes(event))
        elif isinstance(event, Opened):
            self._enter(event)
        elif isinstance(event, Closed):
            self._leave(event.node)
        else:
            self._stack[-1].seen.add(os.path.basename(event.path))

    def end(self) -> None:
        """Return when everything is complete."""
        self._flush()
        self._wait(0)

    def settle(self) -> None:
        """Return when no thread is at work, whatever came of it."""
        settle(self._running)

    def _enter(self, opened: Opened) -> None:
        node, folder, making = opened.node, self._stack[-1], self._making
        if making.demands.leaves_out(node):
            folder.seen.add(node.name)
            making.counts.left_out += 1
            return
        exists = self._announce(folder, node.name)
        body = node.body
        if stat.S_ISDIR(node.entry.mode):
            path = folder.path + b"/" + node.name
            self._stack.append(making.enter(folder, node, path, exists=exists))
            self._bound_open_ones()
        elif not isinstance(body, Payload):
            self._put((folder, node, None, exists), 0)
        elif not body.size:
            self._put((folder, node, Content(b""), exists), 0)
        else:
            size, twin = body.size, self._borrowing.twin(opened.at, body.size)
            self._incoming = _Incoming(folder, node, size, exists, twin)
            if size > _SMALL:
                large = making.begin_large(folder, node, size, twin, exists=exists)
                self._incoming.large = large

    def _announce(self, folder: Folder, name: bytes) -> bool:
        """Note a name of a directory; returns whether it may be taken already."""
        if name in folder.seen:
            # The last one of a name wins, so those before have to be complete.
            self.end()
            return True
        folder.seen.add(name)
        return folder.there is not None and name in folder.there

    def _leave(self, node: Node) -> None:
        incoming, self._incoming = self._incoming, None
        if stat.S_ISDIR(node.entry.mode):
            self._making.release(self._stack.pop())
        elif incoming is not None:
            if incoming.large is None:
                data = _joined(incoming.parts)
                content = Content(data, incoming.twin)
                job = (incoming.folder, incoming.node, content, incoming.exists)
                self._put(job, len(data))
            else:
                self._add(incoming.large, incoming, last=True)
                with about(incoming.path):
                    incoming.large.end()

    def _take_piece(self, data: BytesLike) -> None:
        incoming = self._incoming
        if incoming is None:
            raise TypeError("a piece belongs to a file")
        if incoming.large is not None and 0 < incoming.held < BLOCK and len(data) >= _PART:
            # The block that was begun is completed for itself: a whole piece is much to copy.
            short = BLOCK - incoming.held
            incoming.parts.append(data[:short])
            self._add(incoming.large, incoming, last=False)
            data = memoryview(data)[short:]
        incoming.parts.append(data)
        incoming.held += len(data)
        if incoming.large is not None and incoming.held >= _PART:
            self._add(incoming.large, incoming, last=False)

    def _add(self, large: LargeFile, incoming: _Incoming, *, last: bool) -> None:
        if not incoming.parts:
            return
        data, rest = _joined(incoming.parts), b""
        if not last and len(data) % BLOCK:
            # Every piece begins where a block does.
            whole = memoryview(data)
            data, rest = whole[: -(len(data) % BLOCK)], bytes(whole[-(len(data) % BLOCK) :])
        incoming.parts, incoming.held = [rest] if rest else [], len(rest)
        with about(incoming.path):
            part = large.add(data)
        if part is None:
            return
        if len(data) > BLOCK:
            self._submit(part)
        else:
            # Less work than handing it over.
            part()

    def _put(self, job: _Job, size: int) -> None:
        self._making.hold(job[0])
        self._batch.append(job)
        self._batch_bytes += size
        if len(self._batch) >= _BATCH_ENTRIES or self._batch_bytes >= _BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if batch:
            self._submit(lambda: self._make(batch))

    def _make(self, batch: list[_Job]) -> None:
        for folder, node, content, exists in batch:
            self._making.make(folder, node, content, exists=exists)

    def _submit(self, work: Callable[[], None]) -> None:
        self._wait(self._workers.depth - 1)
        self._running.append(self._workers.submit(_call, work))

    def _wait(self, most: int) -> None:
        """Return when at most so many batches are under way."""
        while len(self._running) > most:
            self._running.popleft().result()

    def _bound_open_ones(self) -> None:
        """Keep few directories open besides those on the way."""
        if len(self._making.open) > len(self._stack) + _MOST_FOLDERS:
            self.end()


def _joined(parts: list[BytesLike]) -> BytesLike:
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _call(work: Callable[[], None]) -> None:
    work()
