"""Parts of an archive read by themselves, wherever they are: nodes, names, ends of directories.

Each is given the bytes it begins or ends with, and how long all of it may be; nothing that these
say is believed beyond that.
"""

import struct
from dataclasses import dataclass
from typing import Final

from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.encode import GOODBYE_MARKER
from desync_jobs.formats.catar.gathering import NodeRecords
from desync_jobs.formats.catar.goodbye import ITEM_SIZE
from desync_jobs.formats.catar.node import Node, NodeKind
from desync_jobs.formats.catar.order import Grammar
from desync_jobs.formats.catar.parse import LIMITS, as_meant, parse_body, parse_header
from desync_jobs.formats.catar.records import (
    HEADER_SIZE,
    Device,
    Entry,
    Filename,
    Payload,
    Record,
    RecordType,
    Symlink,
    Xattr,
)

NAME_LIMIT: Final = HEADER_SIZE + LIMITS[RecordType.FILENAME][1]
"""Bytes of the longest record of a name."""
ENTRY_SIZE: Final = HEADER_SIZE + LIMITS[RecordType.ENTRY][1]
TAIL_SIZE: Final = ITEM_SIZE
"""Bytes at the end of a directory that say where its table begins."""

_TAIL: Final = struct.Struct("<3Q")
_ENDS_ELSEWHERE: Final = "a node that does not end where its directory says"


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node, and where what comes after its metadata is, counted from its first byte."""

    node: Node
    body: int
    """Where the content of a file begins, or the first name or the table of a directory."""


def parse_node(
    window: BytesLike, extent: int, name: bytes, features: int | None
) -> FoundNode | int:
    """Return the node that begins with `window` and is `extent` bytes long.

    `features` are the archive's feature flags, None for its root. Where `window` is too short for
    the node's metadata, how many bytes of it are needed at least. `ArchiveFormatError`.
    """
    try:
        return _NodeParser(window, extent, name, features).run()
    except _ShortError as error:
        return error.needed


class _ShortError(Exception):
    """The window ends before what is needed."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


class _NodeParser:
    """Reads the records of one node, up to its content."""

    def __init__(self, window: BytesLike, extent: int, name: bytes, features: int | None) -> None:
        self._window = window
        self._extent = extent
        self._name = name
        self._grammar = Grammar() if features is None else Grammar.of_node(features, name)
        self._records = NodeRecords()
        self._at = 0

    def run(self) -> FoundNode:
        while self._at < self._extent:
            kind, size = parse_header(self._taken(HEADER_SIZE))
            if kind is RecordType.PAYLOAD:
                self._add(Payload(size))
                return self._found(ends=self._at + size == self._extent)
            if kind in (RecordType.FILENAME, RecordType.GOODBYE):
                self._at -= HEADER_SIZE
                break
            record = parse_body(kind, self._taken(size))
            self._add(record)
            if isinstance(record, Symlink | Device):
                return self._found(ends=self._at == self._extent)
        self._grammar.end_node()
        found = self._found(ends=True)
        if (found.node.kind is NodeKind.DIRECTORY) == (self._at == self._extent):
            raise ArchiveFormatError(_ENDS_ELSEWHERE)
        return found

    def _taken(self, size: int) -> bytes:
        begin, self._at = self._at, self._at + size
        if self._at > self._extent:
            raise ArchiveFormatError("a node that ends within a record")
        if self._at > len(self._window):
            raise _ShortError(self._at)
        return bytes(self._window[begin : self._at])

    def _add(self, record: Record) -> None:
        if isinstance(record, Xattr):
            record = as_meant(record, from_desync=self._grammar.from_desync)
        self._grammar.accept(record, self._at)
        self._records.add(record)

    def _found(self, *, ends: bool) -> FoundNode:
        if self._records.entry is None:
            raise ArchiveFormatError("a name without a node")
        if not ends:
            raise ArchiveFormatError(_ENDS_ELSEWHERE)
        return FoundNode(self._records.node(self._name), self._at)


def parse_name(window: BytesLike, extent: int) -> tuple[bytes, int]:
    """Return the name that begins with `window`, and the bytes of its record, of `extent`.

    `window` has `NAME_LIMIT` bytes, or `extent` where those are fewer. `ArchiveFormatError`.
    """
    if len(window) < HEADER_SIZE:
        raise ArchiveFormatError("a name that is cut off")
    kind, size = parse_header(bytes(window[:HEADER_SIZE]))
    end = HEADER_SIZE + size
    if kind is not RecordType.FILENAME or end > min(extent, len(window)):
        raise ArchiveFormatError("no name where a directory says that one is")
    record = parse_body(kind, bytes(window[HEADER_SIZE:end]))
    if not isinstance(record, Filename):
        raise ArchiveFormatError("no name where a directory says that one is")
    return record.name, end


def parse_entry(window: BytesLike) -> Entry:
    """Return the entry that a node begins with, in `ENTRY_SIZE` bytes. `ArchiveFormatError`.

    Whether the archive's feature flags allow it is asked where the node is read.
    """
    if len(window) < ENTRY_SIZE or parse_header(bytes(window[:HEADER_SIZE]))[0] is not (
        RecordType.ENTRY
    ):
        raise ArchiveFormatError("a name without a node")
    record = parse_body(RecordType.ENTRY, bytes(window[HEADER_SIZE:ENTRY_SIZE]))
    if not isinstance(record, Entry):
        raise ArchiveFormatError("a name without a node")
    return record


def parse_tail(tail: BytesLike, extent: int, body: int) -> int:
    """Return how many items the table of a directory of `extent` bytes has.

    `tail` is its last `TAIL_SIZE` bytes, and `body` where its first name could be.
    `ArchiveFormatError`.
    """
    entry_offset, size, marker = map(int, _TAIL.unpack(tail))
    items, rest = divmod(size - HEADER_SIZE - TAIL_SIZE, ITEM_SIZE)
    begin = extent - size
    if marker != GOODBYE_MARKER or rest or items < 0 or begin < body or entry_offset != begin:
        raise ArchiveFormatError("a directory whose end is not the mark of its table")
    # Each item stands for a name of a byte and its NUL at least.
    if items * (HEADER_SIZE + 2) > begin - body:
        raise ArchiveFormatError("a table with more items than there can be names")
    return items
