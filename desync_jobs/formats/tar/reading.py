"""A tar stream that can be read at any place, member by member.

Memory is that of one member's headers, besides what global headers say.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from desync_jobs.errors import TarFormatError
from desync_jobs.formats.tar import sparse as maps
from desync_jobs.formats.tar.header import BLOCK, ZEROS, Header, parse_header
from desync_jobs.formats.tar.member import (
    XATTR,
    Member,
    Place,
    has_content,
    member,
    path_of,
    shown,
)
from desync_jobs.formats.tar.pax import (
    Records,
    parse_bsdtar_time,
    parse_decimal,
    parse_records,
    parse_time,
)

HEADER_LIMIT: Final = 4 << 20
"""Bytes of the largest extended header."""
GLOBAL_LIMIT: Final = 1 << 16
"""Bytes of all that global headers say at a time."""
GLOBALS: Final = 1024
"""Global headers of a stream."""

_WINDOW: Final = 4 * BLOCK
"""Bytes that are read at once: as many as most members have of headers."""
_SECOND: Final = 1_000_000_000
_BSDTARS: Final = b"PaxHeader"
_LONG_NAME: Final = b"L"
_LONG_TARGET: Final = b"K"
_LOCAL: Final = (b"x", b"X")
_GLOBAL: Final = b"g"
_LABEL: Final = b"V"
_VOLUME: Final = b"M"
_SPARSE: Final = b"S"
_SPARSE_SIZE: Final = b"GNU.sparse.size"
_SPARSE_MAJOR: Final = b"GNU.sparse.major"
_SOLARIS_MAP: Final = b"SUN.holesdata"

ReadAt = Callable[[int, int], bytes]
"""Reads so many bytes at a place; fewer where the stream ends."""


@dataclass(slots=True)
class _Before:
    """What stands before a member's own header."""

    name: bytes = b""
    target: bytes = b""
    records: Records = field(default_factory=list)
    header: bytes = b""
    """The name of the extended header with these records."""

    @property
    def says_something(self) -> bool:
        """Whether there was anything."""
        return bool(self.name or self.target or self.records)


class TarReader:
    """Reads one stream; `name` says in errors which one."""

    def __init__(self, name: str, size: int, read: ReadAt) -> None:
        self._name = name
        self._size = size
        self._read = read
        self._window_at = 0
        self._window = b""
        self._globals_at: list[int] = []
        self._globals: list[Mapping[bytes, bytes]] = []
        self.labels = 0
        """Labels of volumes, which are no members."""
        self.marked = False
        """Whether the stream has the mark of its end."""

    def members(self) -> Iterator[Member]:
        """Yield every member in its order.

        Raises `TarFormatError`, with the place of what breaks a rule.
        """
        at = 0
        while (found := self._next(at, first=True)) is not None:
            yield found
            at = found.place.end

    def member_at(self, start: int) -> Member:
        """Return a member that `members` told already, by its `Place.start`."""
        found = self._next(start, first=False)
        if found is None:
            raise TarFormatError(f"{self._name}: changed while it was read")
        return found

    def _next(self, start: int, *, first: bool) -> Member | None:
        """Return the member that begins at `start`, and at the end None."""
        before, at = _Before(), start
        while at < self._size:
            block = self._bytes(at, BLOCK)
            if block == ZEROS:
                self._end(at)
                break
            try:
                header = parse_header(block)
                after = at + BLOCK
                if header.kind == _GLOBAL and first:
                    self._extend(at, self._extension(header, after))
                elif header.kind == _LABEL:
                    self.labels += first
                elif not self._precedes(header, after, before):
                    return self._member(header, start, after, before)
            except TarFormatError as error:
                error.args = (f"{self._name}: at byte {at}: {error}",)
                raise
            at = after + _padded(header.size)
        if before.says_something or at > self._size:
            end = min(at, self._size)
            raise TarFormatError(f"{self._name}: ends at byte {end}, within a member")
        return None

    def _precedes(self, header: Header, at: int, before: _Before) -> bool:
        """Whether this header only says something about the next; takes what it says."""
        if header.kind == _LONG_NAME:
            before.name = self._extension(header, at).rstrip(b"\0")
        elif header.kind == _LONG_TARGET:
            before.target = self._extension(header, at).rstrip(b"\0")
        elif header.kind in _LOCAL:
            # What counts is what came last.
            before.records = parse_records(self._extension(header, at))
            before.header = header.name
        else:
            return header.kind == _GLOBAL
        return True

    def _extension(self, header: Header, at: int) -> bytes:
        if header.size > HEADER_LIMIT:
            raise TarFormatError(f"an extended header of {header.size} bytes")
        return self._bytes(at, header.size)

    def _extend(self, at: int, data: bytes) -> None:
        merged = {**(self._globals[-1] if self._globals else {}), **dict(parse_records(data))}
        if sum(len(key) + len(value) for key, value in merged.items()) > GLOBAL_LIMIT:
            raise TarFormatError(f"global headers that say more than {GLOBAL_LIMIT} bytes")
        if len(self._globals) == GLOBALS:
            raise TarFormatError(f"more than {GLOBALS} global headers")
        self._globals_at.append(at)
        self._globals.append(merged)

    def _member(self, header: Header, start: int, after: int, before: _Before) -> Member:
        """Return the member that a header is of; its content, or a map of it, comes `after`."""
        if header.kind == _VOLUME:
            raise TarFormatError("a member that began in another volume; join the volumes")
        records = self._counting(after - BLOCK, before.records)
        path = path_of(header, before.name, records)
        size = records.get(b"size")
        told = parse_decimal(size, "size") if size else header.size
        stored = told if has_content(header.kind) else 0
        end = after + _padded(stored)
        sparse, at = self._sparse(header, after, before.records, records)
        if sparse is not None:
            # The blocks that go on with a header of GNU's are not counted with the content.
            end += at - after if header.kind == _SPARSE else 0
            if sparse.stored > end - at:
                raise TarFormatError(f"a sparse file {shown(path)} with less than its map says")
        if end > self._size:
            raise TarFormatError(f"the stream ends at byte {self._size}, within {shown(path)}")
        place = Place(start, at, stored, end)
        mtime = _time(header, before.header, records)
        return member(header, place, (path, before.target), mtime, records, sparse)

    def _counting(self, at: int, local: Records) -> Mapping[bytes, bytes]:
        """Return what counts of extended headers at a place; nothing for an empty value."""
        version = bisect_right(self._globals_at, at)
        merged = {**(self._globals[version - 1] if version else {}), **dict(local)}
        return {key: value for key, value in merged.items() if value or key.startswith(XATTR)}

    def _sparse(
        self, header: Header, at: int, records: Records, last: Mapping[bytes, bytes]
    ) -> tuple[maps.Sparse | None, int]:
        """Return the map of a file with holes, and where its content begins."""
        if header.kind == _SPARSE:
            return maps.of_header(header.block, at, self._block)
        if _SOLARIS_MAP in last:
            raise TarFormatError("a sparse file in a form of Solaris's")
        if _SPARSE_SIZE not in last and _SPARSE_MAJOR not in last:
            return None, at
        sparse = maps.of_records(records, last)
        if sparse is not None:
            return sparse, at
        size = parse_decimal(last.get(b"GNU.sparse.realsize", b""), "size")
        return maps.of_content(size, at, self._block)

    def _block(self, at: int) -> bytes:
        return self._bytes(at, BLOCK)

    def _bytes(self, at: int, size: int) -> bytes:
        """Return bytes of headers, of which several are read at a time."""
        begin = at - self._window_at
        if not 0 <= begin <= len(self._window) - size:
            self._window_at, self._window = at, self._read(at, max(size, _WINDOW))
            begin = 0
        data = self._window[begin : begin + size]
        if len(data) < size:
            raise TarFormatError(f"{self._name}: ends at byte {at + len(data)}, within a header")
        return data

    def _end(self, at: int) -> None:
        """Check that there is nothing after the mark of the end."""
        self.marked = self._read(at + BLOCK, BLOCK) == ZEROS
        while piece := self._read(at, 1 << 16):
            if piece.strip(b"\0"):
                where = at + len(piece) - len(piece.lstrip(b"\0"))
                raise TarFormatError(f"{self._name}: goes on at byte {where}, after its end")
            at += len(piece)


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _time(header: Header, extended: bytes, records: Mapping[bytes, bytes]) -> int:
    """Return the time of a member; bsdtar's extended headers are known by their names."""
    told = records.get(b"mtime")
    if not told:
        return header.mtime * _SECOND
    parse = parse_bsdtar_time if _BSDTARS in extended.split(b"/") else parse_time
    return parse(told)
