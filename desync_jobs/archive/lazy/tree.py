"""The tree of one archive: nodes by their names, directories by their tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from desync_jobs.archive.lazy.recent import Recent
from desync_jobs.archive.lazy.table import ITEMS_LIMIT, Span, Table
from desync_jobs.assembly.random_access import RandomAccess
from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.goodbye import ITEM_SIZE, hash_name
from desync_jobs.formats.catar.located import (
    ENTRY_SIZE,
    NAME_LIMIT,
    TAIL_SIZE,
    FoundNode,
    parse_entry,
    parse_name,
    parse_node,
    parse_tail,
)
from desync_jobs.formats.catar.node import Node, NodeKind
from desync_jobs.formats.catar.parse import parse_header
from desync_jobs.formats.catar.records import HEADER_SIZE, Payload, RecordType
from desync_jobs.formats.catar.rules import is_desyncs

_WINDOW: Final = 1024
"""Bytes that are read of a node first; few have more metadata."""
_METADATA_LIMIT: Final = 32 << 20
"""Bytes of the most metadata that one node is read with."""
_AT_ONCE: Final = 64 << 10
"""The most bytes that are read for the names of several entries."""
_SEVERAL: Final = 4
_TABLES: Final = 8 << 20
"""Bytes of tables that are kept."""


@dataclass(frozen=True, slots=True)
class Located:
    """A node, and where it is."""

    node: Node
    span: Span
    """From its entry to the end of what is in it."""
    body: int
    """Where the content of a file begins, or the first name or the table of a directory."""

    @property
    def content(self) -> Span:
        """The content of a file."""
        size = self.node.body.size if isinstance(self.node.body, Payload) else 0
        return Span(self.body, self.body + size)


@dataclass(frozen=True, slots=True)
class Child:
    """What a directory tells of an entry."""

    name: bytes
    mode: int
    span: Span
    """Of its node, without the name."""


class ArchiveTree:
    """The archive in `blob`, called `name` in errors; used from many threads.

    Everything raises `ArchiveFormatError` for what breaks a rule of the format where it is read,
    and what reading `blob` raises. What nobody reads is not looked at.
    """

    def __init__(self, blob: RandomAccess, name: str) -> None:
        self._blob = blob
        self._name = name
        self._tables: Recent[int, Table] = Recent(_TABLES)
        self._features: int | None = None
        if not blob.size:
            raise ArchiveFormatError(f"{name}: is empty, and no archive")
        self.root = self._located(Span(0, blob.size), b"")
        """The directory that the archive is of."""
        self._features = self.root.node.entry.feature_flags
        self._table(self.root)  # an archive that lacks its end is none

    @property
    def features(self) -> int:
        """The feature flags of every entry."""
        return self.root.node.entry.feature_flags

    def child(self, directory: Located, name: bytes) -> Located | None:
        """Return the entry called `name`; None where `directory` has none.

        Of several the last, which is what is there when all are unpacked.
        """
        table = self._table(directory)
        last: Span | None = None
        with self._about(directory.span.start):
            for span in table.candidates(hash_name(name)):
                found, size = parse_name(self._read(span, NAME_LIMIT), span.size)
                later = last is None or span.start >= last.start
                if found == name and later and not self._is_left_out(span, size):
                    last = Span(span.start + size, span.end)
        return None if last is None else self._located(last, name)

    def children(self, directory: Located) -> Iterator[Child]:
        """Yield the entries of `directory` in the order of the archive."""
        table = self._table(directory)
        windows = _Windows(self._blob)
        with self._about(directory.span.start):
            for span, name_hash in table.spans():
                with self._about(span.start):
                    window = windows.at(span, NAME_LIMIT + ENTRY_SIZE)
                    name, size = parse_name(window, span.size)
                    if hash_name(name) != name_hash:
                        raise ArchiveFormatError("a name that its directory knows as another")
                    if self._is_left_out(span, size):
                        continue
                    mode = parse_entry(window[size : size + ENTRY_SIZE]).mode
                yield Child(name, mode, Span(span.start + size, span.end))

    def opened(self, child: Child) -> Located:
        """Return the node of an entry that `children` told of."""
        return self._located(child.span, child.name)

    def _is_left_out(self, span: Span, name_size: int) -> bool:
        """Whether there is only a name, of a FIFO or a socket, which desync does not keep."""
        return name_size == span.size and is_desyncs(self.features)

    def _located(self, span: Span, name: bytes) -> Located:
        length = _WINDOW
        with self._about(span.start):
            while True:
                found = parse_node(self._read(span, length), span.size, name, self._features)
                if isinstance(found, FoundNode):
                    return Located(found.node, span, span.start + found.body)
                if found > _METADATA_LIMIT:
                    raise ArchiveFormatError(f"a node with more than {_METADATA_LIMIT} bytes")
                length = max(found, 2 * length)

    def _table(self, directory: Located) -> Table:
        if directory.node.kind is not NodeKind.DIRECTORY:
            raise ValueError(f"{directory.node.name!r} is no directory")
        span = directory.span
        known = self._tables.get(span.start)
        if known is None:
            with self._about(span.start):
                known = self._read_table(span, directory.body)
            self._tables.keep(span.start, known, known.size)
        return known

    def _read_table(self, span: Span, first: int) -> Table:
        tail = Span(max(span.end - TAIL_SIZE, span.start), span.end)
        count = parse_tail(self._read(tail, TAIL_SIZE), span.size, first - span.start)
        if count > ITEMS_LIMIT:
            raise ArchiveFormatError(f"a directory with {count} entries; {ITEMS_LIMIT} are read")
        size = count * ITEM_SIZE
        start = tail.start - size - HEADER_SIZE
        record = self._read(Span(start, tail.start), HEADER_SIZE + size)
        if parse_header(record[:HEADER_SIZE]) != (RecordType.GOODBYE, size + TAIL_SIZE):
            raise ArchiveFormatError("a directory whose end does not lead to its table")
        return Table(record[HEADER_SIZE:], first, start)

    def _read(self, span: Span, length: int) -> bytes:
        """Return the first `length` bytes of `span`, or all where those are fewer."""
        return _exactly(self._blob, span.start, min(length, span.size))

    @contextmanager
    def _about(self, at: int) -> Iterator[None]:
        """Have errors say that they are about this archive, at the byte `at`."""
        try:
            yield
        except ArchiveFormatError as error:
            if not str(error).startswith(self._name):
                error.args = (f"{self._name}: at byte {at}: {error}",)
            raise


class _Windows:
    """Reads one stretch after the other, several at once where they are close to each other."""

    def __init__(self, blob: RandomAccess) -> None:
        self._blob = blob
        self._begin = 0
        self._data = b""
        self._length = 0
        self._served = 0

    def at(self, span: Span, length: int) -> bytes:
        """Return the first `length` bytes of `span`, or all where those are fewer."""
        size = min(length, span.size)
        begin = span.start - self._begin
        if not 0 <= begin <= len(self._data) - size:
            self._adapt()
            self._begin, begin = span.start, 0
            ahead = min(self._length, self._blob.size - span.start)
            self._data = _exactly(self._blob, span.start, max(size, ahead))
        self._served += 1
        return self._data[begin : begin + size]

    def _adapt(self) -> None:
        """Read more at once after a window that served several, and less after another."""
        if self._served >= _SEVERAL:
            self._length = min(2 * self._length, _AT_ONCE)
        elif self._served <= 1:
            self._length = max(self._length // 2, _WINDOW)
        self._served = 0


def _exactly(blob: RandomAccess, offset: int, length: int) -> bytes:
    data = bytes(blob.read(offset, length))
    if len(data) != length:
        raise ArchiveFormatError(f"ends at byte {offset + len(data)}, before it is complete")
    return data
