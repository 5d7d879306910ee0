"""What comes of an archive's events: directories at once, what is in them in batches by threads.

A directory is finished when the last of its entries is.
"""

import os
import stat
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from desync_jobs.archive.borrowing import Borrowing
from desync_jobs.archive.content import BLOCK
from desync_jobs.archive.folders import Folder
from desync_jobs.archive.growing import Begun, Growing
from desync_jobs.archive.large import LargeFile
from desync_jobs.archive.making import Making, about
from desync_jobs.archive.straight import Content, Job
from desync_jobs.assembly.workers import Workers, settle
from desync_jobs.core.chunk import BytesLike
from desync_jobs.formats.catar import decode
from desync_jobs.formats.catar.decode import Taken
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


class Filling:
    """Hands what is in a tree to threads."""

    def __init__(
        self, making: Making, workers: Workers, borrowing: Borrowing, growing: Growing
    ) -> None:
        self._making = making
        self._workers = workers
        self._borrowing = borrowing
        self._growing = growing
        self._begun: deque[Begun] = deque()
        """Directories that were begun elsewhere, and whose nodes come next."""
        self._stack: list[Folder] = []
        self._batch: list[Job] = []
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
        while self._begun:
            os.close(self._begun.popleft().fd)

    def grow(self, view: memoryview, at: int, depth: int, room: int) -> Taken | None:
        """Do plain nodes in the directory that is open; of `depth` the last."""
        if depth != len(self._stack) or self._borrowing.borrows:
            return None
        folder = self._stack[-1]
        grown = self._growing.grow(view, at, folder, room)
        if grown is None:
            return None
        folder.note(grown.names)
        self._making.count(written=grown.made, right=grown.right)
        self._begun.extend(grown.begun)
        begun = [decode.Begun(one.at, len(one.names)) for one in grown.begun]
        return Taken(grown.end, len(grown.names), begun)

    def _enter(self, opened: Opened) -> None:
        node, folder, making = opened.node, self._stack[-1], self._making
        if making.demands.leaves_out(node):
            folder.seen.add(node.name)
            making.counts.left_out += 1
            return
        if self._begun:
            begun = self._begun.popleft()
            folder.announce(node.name)
            below = making.take_over(folder, node, begun.fd)
            below.note(begun.names)
            self._stack.append(below)
            return
        self._growing.learn(node)
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
        if folder.announce(name):
            # The last one of a name wins, so those before have to be complete.
            self.end()
            return True
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

    def _put(self, job: Job, size: int) -> None:
        self._making.hold(job[0])
        self._batch.append(job)
        self._batch_bytes += size
        if len(self._batch) >= _BATCH_ENTRIES or self._batch_bytes >= _BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if batch:
            self._submit(lambda: self._making.make_all(batch))

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
