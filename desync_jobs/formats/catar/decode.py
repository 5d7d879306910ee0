"""Bytes to records, as they come: an archive is never held, whatever its size."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from typing import Final, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from desync_jobs.core.chunk import BytesLike
from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar.node import Node
from desync_jobs.formats.catar.order import Grammar
from desync_jobs.formats.catar.parse import as_meant, parse_body, parse_header
from desync_jobs.formats.catar.plain import LONGEST_NAME, PlainNodes
from desync_jobs.formats.catar.records import HEADER_SIZE, Payload, Record, RecordType, Xattr

Piece: TypeAlias = memoryview
"""Bytes of the payload begun last; valid until the next piece or record is asked for."""


class Begun(NamedTuple):
    """A directory that somebody else began."""

    at: int
    """Where its name is in the bytes."""
    names: int
    """Complete nodes in it."""


class Taken(NamedTuple):
    """What somebody else read of an archive."""

    end: int
    """Where that ends in the bytes."""
    names: int
    """Complete nodes of the directory that was open."""
    begun: list[Begun]
    """Directories that are open now besides, from the outside in."""


class Taker(Protocol):
    """Reads nodes itself, of the kinds that it was given before."""

    def __call__(self, view: memoryview, at: int, depth: int, room: int, /) -> Taken | None:
        """Take nodes of the directory that is open, which begin at `at`; None for none.

        `depth` directories are open, and a path below the last one may have `room` bytes.
        """
        ...


_OF_DIRECTORIES: Final = frozenset({RecordType.ENTRY, RecordType.USER, RecordType.GROUP})
"""What comes after the name of a plain one."""

Item = TypeVar("Item")


class Decoding(ABC, Generic[Item]):
    """Reads one archive; `name` says in errors which one.

    What casync refuses is refused, and so are the end of the input before the end of the
    root and anything after it. An archive with desync's feature flags is read as desync means it:
    extended attributes end with a NUL that is no part of them, and a name may stand without a
    node, where desync left out a FIFO or a socket.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._grammar = Grammar()
        self._parts: list[bytes] = []
        self._held = 0
        self._needed = HEADER_SIZE
        self._payload = 0
        self._start = 0
        self._leap: Callable[[memoryview, int], Generator[Item, None, int]] | None = None
        """Passes over what somebody else reads, and returns where that ends."""

    @property
    def offset(self) -> int:
        """Where in the archive what was yielded last ends."""
        return self._start

    def feed(self, data: BytesLike) -> Iterator[Item | Piece]:
        """Yield what `data` completes; take everything before feeding more.

        Raises `ArchiveFormatError`, with the offset of the record that breaks a rule.
        """
        if not len(data):
            return
        self._held += len(data)
        if self._held < self._needed and not self._payload and not self._grammar.ended:
            self._parts.append(bytes(data))
            return
        whole = b"".join((*self._parts, data)) if self._parts else data
        self._parts = []
        with memoryview(whole) as view:
            done = 0
            while done < len(view):
                if self._payload:
                    piece = view[done : done + self._payload]
                    self._payload -= len(piece)
                    done += len(piece)
                    self._start += len(piece)
                    yield piece
                    continue
                self._check_goes_on()
                if self._leap is not None:
                    done = yield from self._leap(view, done)
                    if done == len(view):
                        break
                item = self._next(view, done)
                if item is None:
                    self._parts = [bytes(view[done:])]
                    break
                done += self._needed
                self._start += self._needed
                self._needed = HEADER_SIZE
                yield item
            self._held = len(view) - done

    def _check_goes_on(self) -> None:
        if self._grammar.ended:
            raise ArchiveFormatError(f"{self._name}: goes on after its end at {self._start}")

    def finish(self) -> None:
        """Say that there is no more; `ArchiveFormatError` unless the archive is complete."""
        if not self._grammar.ended:
            end = self._start + self._held
            raise ArchiveFormatError(f"{self._name}: ends at byte {end}, before it is complete")

    @abstractmethod
    def _next(self, view: memoryview, at: int) -> Item | None:
        """Return what begins at `at`, and set how many bytes it is; None where that takes more."""

    def _record(self, view: memoryview, at: int) -> Record | None:
        """Return the record that begins at `at`; None where it is not complete.

        Sets how many bytes it is.
        """
        if len(view) - at < HEADER_SIZE:
            return None
        try:
            return self._parse(view, at)
        except ArchiveFormatError as error:
            error.args = (f"{self._name}: at byte {self._start}: {error}",)
            raise

    def _parse(self, view: memoryview, at: int) -> Record | None:
        kind, size = parse_header(view, at)
        record: Record
        if kind is RecordType.PAYLOAD:
            record = Payload(size)
            self._payload, self._needed = size, HEADER_SIZE
        else:
            if kind is RecordType.GOODBYE and size != self._grammar.table_limit():
                raise ArchiveFormatError("a GOODBYE record without one item for each name")
            self._needed = HEADER_SIZE + size
            if len(view) - at < self._needed:
                return None
            record = parse_body(kind, bytes(view[at + HEADER_SIZE : at + self._needed]))
        if kind is RecordType.XATTR and isinstance(record, Xattr):
            record = as_meant(record, from_desync=self._grammar.from_desync)
        self._grammar.accept(record, self._start)
        return record


class Decoder(Decoding[Record]):
    """Yields every record of an archive."""

    def _next(self, view: memoryview, at: int) -> Record | None:
        return self._record(view, at)


class NodeDecoder(Decoding[Record | Node]):
    """Yields whole nodes where they are plain, in place of their records, and records else.

    What `taker` takes is yielded in no way, but for directories that go on after it.
    """

    def __init__(self, name: str, taker: Taker | None = None) -> None:
        super().__init__(name)
        self._plain = PlainNodes()
        self._taker = taker
        self._leap = None if taker is None else self._pass_over

    def _next(self, view: memoryview, at: int) -> Record | Node | None:
        if self._grammar.takes_name(LONGEST_NAME):
            found = self._plain.read(view, at)
            if found is not None:
                node, end = found
                self._grammar.accept_nodes(1)
                self._needed = end - at
                if isinstance(node.body, Payload):
                    self._payload = node.body.size
                return node
        record = self._record(view, at)
        if record is not None:
            self._plain.learn(record, view[at : at + self._needed])
        return record

    def _pass_over(self, view: memoryview, at: int) -> Generator[Record | Node, None, int]:
        if self._taker is None or not self._grammar.takes_name(LONGEST_NAME):
            return at
        taken = self._taker(view, at, self._grammar.depth, self._grammar.room)
        if taken is None:
            return at
        origin = self._start - at
        if taken.names:
            self._grammar.accept_nodes(taken.names)
        for begun in taken.begun:
            yield from self._begin(view, begun.at, origin)
            if begun.names:
                self._grammar.accept_nodes(begun.names)
        self._start = origin + taken.end
        return taken.end

    def _begin(self, view: memoryview, at: int, origin: int) -> Iterator[Record]:
        """Yield the records of a directory, from its name to its owners."""
        while True:
            self._start = origin + at
            record = self._record(view, at)
            if record is None:
                raise ValueError("what was taken is complete")
            at, self._needed = at + self._needed, HEADER_SIZE
            yield record
            # What comes after these is not read yet, and may be wrong.
            if int.from_bytes(view[at + 8 : at + HEADER_SIZE], "little") not in _OF_DIRECTORIES:
                return
