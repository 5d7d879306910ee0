"""Nodes → the bytes of an archive, as a stream: memory does not grow with files or the tree.

Of every directory on the way its children's places and hashes are kept, for the table at its end.
"""

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol, TypeAlias

from desync_jobs.archive.runs import Run
from desync_jobs.archive.walk import Visit
from desync_jobs.assembly.cancel import Cancel
from desync_jobs.errors import SourceError
from desync_jobs.formats.catar.encode import encode
from desync_jobs.formats.catar.goodbye import Child, goodbye_table, hash_name
from desync_jobs.formats.catar.records import Filename, Goodbye, Payload

Bytes: TypeAlias = bytes | memoryview

_BLOCK: Final = 1 << 18
"""Bytes that are gathered before they are written."""
_SMALL: Final = 1 << 16
"""A file of no more bytes is gathered with others."""
_COPIED: Final = 1 << 20


@dataclass(slots=True)
class _Open:
    """A directory that is not complete."""

    name: bytes
    start: int
    """Where its name begins, or its entry where it is the root."""
    entry: int
    children: list[Child] = field(default_factory=list)


class Sink(Protocol):
    """Where an archive goes."""

    def put(self, data: bytes) -> None:
        """Take the bytes that come next, some records."""
        ...

    def content(self, visit: Visit, size: int) -> None:
        """Take the content of a file, whose bytes come next.

        Raises `SourceError` where it has fewer than `size`.
        """
        ...

    def finish(self) -> None:
        """Take note that nothing comes any more."""
        ...


class ArchiveEncoder:
    """Puts one archive together."""

    def __init__(self, sink: Sink, cancel: Cancel) -> None:
        self._sink = sink
        self._cancel = cancel
        self._open: list[_Open] = []
        self.size = 0
        """Bytes so far."""
        self.entries = 0
        """Nodes so far, the root counted."""

    def encode(self, visits: Iterable[Visit | Run | None]) -> None:
        """Put the archive of a tree into the sink; raises what that raises."""
        for visit in visits:
            self._cancel.check()
            if visit is None:
                self._leave()
            elif isinstance(visit, Run):
                self._append(visit)
            else:
                self._enter(visit)
        self._sink.finish()

    def _enter(self, visit: Visit) -> None:
        node, start = visit.node, self.size
        name = encode(Filename(node.name)) if self._open else b""
        entry = start + len(name)
        self._put(b"".join((name, *map(encode, node.records()))))
        self.entries += 1
        if isinstance(node.body, Payload) and node.body.size:
            self._sink.content(visit, node.body.size)
            self.size += node.body.size
        if stat.S_ISDIR(node.entry.mode):
            self._open.append(_Open(node.name, start, entry))
        else:
            self._open[-1].children.append(Child(hash_name(node.name), start, self.size))

    def _append(self, run: Run) -> None:
        """Put complete nodes into the directory that is open."""
        start = self.size
        for name, end in zip(run.names, run.ends, strict=True):
            self._open[-1].children.append(Child(hash_name(name), start, self.size + end))
            start = self.size + end
        self._put(run.data)
        self.entries += len(run.names)

    def _leave(self) -> None:
        ended = self._open.pop()
        table = goodbye_table(ended.children, self.size)
        self._put(encode(Goodbye(table, self.size - ended.entry)))
        if self._open:
            child = Child(hash_name(ended.name), ended.start, self.size)
            self._open[-1].children.append(child)

    def _put(self, data: bytes) -> None:
        self._sink.put(data)
        self.size += len(data)


class ContentCopier:
    """A sink that writes all of an archive, the content of files as it is read."""

    def __init__(self, write: Callable[[Bytes], None], cancel: Cancel) -> None:
        self._write = write
        self._cancel = cancel
        self._gathered: list[bytes] = []
        self._waiting = 0

    def put(self, data: bytes) -> None:
        self._gathered.append(data)
        self._waiting += len(data)
        if self._waiting >= _BLOCK:
            self.finish()

    def content(self, visit: Visit, size: int) -> None:
        if size <= _SMALL:
            data = self._part(visit, size)
            while len(data) < size:
                data = data + self._part(visit, size - len(data))
            self.put(data)
            return
        self.finish()
        left = size
        while left:
            self._cancel.check()
            part = self._part(visit, min(left, _COPIED))
            self._write(part)
            left -= len(part)

    def finish(self) -> None:
        if self._gathered:
            self._write(b"".join(self._gathered))
            self._gathered.clear()
            self._waiting = 0

    def _part(self, visit: Visit, size: int) -> bytes:
        """Read at most `size` bytes of a file, and at least one."""
        try:
            part = _reader(visit)(size)
        except OSError as error:
            name = os.fsdecode(visit.path)
            raise SourceError(f"{name}: cannot be read: {error.strerror}") from error
        if not part:
            raise SourceError(f"{os.fsdecode(visit.path)}: became shorter while it was read")
        return part


def _reader(visit: Visit) -> Callable[[int], bytes]:
    if visit.read is not None:
        return visit.read
    if visit.fd is None:
        raise TypeError("a file that has content is open")
    return partial(os.read, visit.fd)
