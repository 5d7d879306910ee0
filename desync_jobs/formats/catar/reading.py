"""Bytes to the nodes of a tree, each with its path, as they come."""

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from desync_jobs.core.chunk import BytesLike
from desync_jobs.formats.catar import records as r
from desync_jobs.formats.catar.decode import NodeDecoder, Piece, Taker
from desync_jobs.formats.catar.gathering import NodeRecords
from desync_jobs.formats.catar.node import Node, NodeKind
from desync_jobs.formats.catar.records import Record


class Opened(NamedTuple):
    """A node begins: its metadata are complete. Pieces of a file and children come next."""

    path: bytes
    """Names from the root, joined by `/`; the root's own is `.`."""
    node: Node
    at: int = 0
    """Where in the archive the content of a file begins."""


class Closed(NamedTuple):
    """The node that was opened last and is not closed yet is complete."""

    path: bytes
    node: Node


class LeftOut(NamedTuple):
    """A name without a node: desync could not keep what had it, a FIFO or a socket."""

    path: bytes


_AFTER: Final = (r.Filename, r.Goodbye)
_ENDING: Final = (r.Payload, r.Symlink, r.Device, *_AFTER)

Event: TypeAlias = Opened | Closed | LeftOut | Piece
"""What happens in an archive, in its order."""


class TreeReader:
    """Reads one archive; `name` says in errors which one. Errors are those of `Decoder`.

    Of what `taker` takes nothing is told, but that directories which go on after it are open.
    """

    def __init__(self, name: str, taker: Taker | None = None) -> None:
        self._decoder = NodeDecoder(name, taker)
        self._directories: list[Opened] = []
        self._open: Opened | None = None
        self._records = NodeRecords()
        self._name: bytes | None = None
        self._rest = 0

    def feed(self, data: BytesLike) -> Iterator[Event]:
        """Yield what `data` completes; take everything before feeding more."""
        for item in self._decoder.feed(data):
            if isinstance(item, memoryview):
                yield item
                self._rest -= len(item)
                if not self._rest and self._open is not None:
                    yield self._close(self._open)
            elif isinstance(item, Node):
                if self._records.entry is not None:
                    yield from self._end_node()
                opened = Opened(self._path(item.name), item, self._decoder.offset)
                yield opened
                if isinstance(item.body, r.Payload) and item.body.size:
                    self._open, self._rest = opened, item.body.size
                else:
                    yield Closed(opened.path, item)
            elif isinstance(item, _ENDING):
                yield from self._take(item)
            else:
                self._records.add(item)

    def finish(self) -> None:
        """Say that there is no more; an error unless the archive is complete."""
        self._decoder.finish()

    def _take(self, record: Record) -> Iterator[Event]:
        """Take a record that a node ends with, or that comes after one."""
        if not isinstance(record, _AFTER):
            self._records.add(record)
            yield from self._end_node()
            return
        if self._records.entry is not None:
            yield from self._end_node()
        if self._name is not None:
            yield LeftOut(self._path(self._name))
            self._name = None
        if isinstance(record, r.Filename):
            self._name = record.name
        else:
            directory = self._directories.pop()
            yield Closed(directory.path, directory.node)

    def _end_node(self) -> Iterator[Event]:
        """Open the node whose records are complete now, and close it unless more of it comes."""
        if self._records.entry is None:
            return
        name = self._name or b""
        node = self._records.node(name)
        self._name, self._records = None, NodeRecords()
        opened = Opened(self._path(name), node, self._decoder.offset)
        yield opened
        if node.kind is NodeKind.DIRECTORY:
            self._directories.append(opened)
        elif isinstance(node.body, r.Payload) and node.body.size:
            self._open, self._rest = opened, node.body.size
        else:
            yield self._close(opened)

    def _close(self, opened: Opened) -> Closed:
        self._open = None
        return Closed(opened.path, opened.node)

    def _path(self, name: bytes) -> bytes:
        if not self._directories:
            return b"."
        if len(self._directories) == 1:
            return name
        return self._directories[-1].path + b"/" + name
