"""Files and links with nothing special about them, read in one go and not record by record.

Nearly every node of a tree is a name, an entry, the names of its owners and a body. What the
grammar has accepted of these once, it accepts again in the same archive; so they are known by
their numbers and bytes. Whatever is not known, not complete or not plain is left to the parser of
records, which alone says what is wrong.
"""

import struct
from collections.abc import Mapping
from typing import Final, TypeAlias, TypeVar

from desync_jobs.formats.catar.node import NO_ACL, Node, NodeKind, node_kind
from desync_jobs.formats.catar.parse import LIMITS
from desync_jobs.formats.catar.records import (
    HEADER_SIZE,
    Entry,
    Group,
    Payload,
    Record,
    RecordType,
    Symlink,
    User,
)
from desync_jobs.formats.catar.rules import granularity

_HEADER: Final = struct.Struct("<QQ")
_ENTRY: Final = struct.Struct("<10Q")
"""An entry's record, and the header of the one after it."""
_ENTRY_SIZE: Final = HEADER_SIZE + LIMITS[RecordType.ENTRY][1]
_NUMBERS: Final = 1 << 64
_NEGATIVE: Final = 1 << 63
_DOTS: Final = frozenset((b".", b".."))
# Plain numbers, which compare in a tenth of the time.
_FILENAME: Final = int(RecordType.FILENAME)
_ENTRY_TYPE: Final = int(RecordType.ENTRY)
_USER: Final = int(RecordType.USER)
_GROUP: Final = int(RecordType.GROUP)
_PAYLOAD: Final = int(RecordType.PAYLOAD)
_BODIES: Final = {NodeKind.FILE: _PAYLOAD, NodeKind.SYMLINK: int(RecordType.SYMLINK)}
_MOST_KNOWN: Final = 4096
"""Entries and owners that are remembered, so that no archive fills the memory."""


def _sizes(kind: RecordType) -> range:
    """Return the sizes of such records, headers included."""
    least, most = LIMITS[kind]
    return range(HEADER_SIZE + least, HEADER_SIZE + most + 1)


_NAME_SIZES: Final = _sizes(RecordType.FILENAME)
_OWNER_SIZES: Final = _sizes(RecordType.USER)
_LINK_SIZES: Final = _sizes(RecordType.SYMLINK)
_FILE_SIZES: Final = _sizes(RecordType.PAYLOAD)

LONGEST_NAME: Final = _NAME_SIZES[-1] - HEADER_SIZE
"""Bytes that a name has at most, with the NUL after it."""

Owner = TypeVar("Owner", User, Group)
_Known: TypeAlias = tuple[int, int, int, int, int]
"""All of an entry but its time."""


class PlainNodes:
    """Reads plain nodes of one archive."""

    def __init__(self) -> None:
        self._bodies: dict[_Known, int] = {}
        """The type of the body that comes after an entry."""
        self._users: dict[bytes, User] = {}
        """By the bytes of the whole record, as the next."""
        self._groups: dict[bytes, Group] = {}
        self._tick = 0
        """Nanoseconds that times are multiples of; 0 where there are none."""

    def learn(self, record: Record, data: memoryview) -> None:
        """Remember a record that was accepted; `data` are all of its bytes."""
        match record:
            case Entry() if len(self._bodies) < _MOST_KNOWN:
                body = _BODIES.get(node_kind(record.mode))
                if body is not None:
                    features, mode, flags, uid, gid, _ = record
                    self._bodies[features, mode, flags, uid, gid] = body
                    self._tick = granularity(features)
            case User() if len(self._users) < _MOST_KNOWN:
                self._users[bytes(data)] = record
            case Group() if len(self._groups) < _MOST_KNOWN:
                self._groups[bytes(data)] = record

    def read(self, view: memoryview, at: int) -> tuple[Node, int] | None:
        """Return the node whose name's record is at `at`, and where its records end in `view`.

        None where only the parser of records can tell.
        """
        end = _end_of_name(view, at)
        if not end:
            return None
        length, record, features, mode, flags, uid, gid, time, size, kind = _ENTRY.unpack_from(
            view, end
        )
        body = self._bodies.get((features, mode, flags, uid, gid))
        name = _text(view, at, end)
        if (
            body is None
            or record != _ENTRY_TYPE
            or length != _ENTRY_SIZE
            or time == _NUMBERS - 1
            or (time % self._tick if self._tick else time)
            or name is None
            or b"/" in name
            or name in _DOTS
        ):
            return None
        user = group = None
        at = end + _ENTRY_SIZE
        if kind == _USER:
            user, at, size, kind = _known_owner(view, at, size, self._users)
        if kind == _GROUP:
            group, at, size, kind = _known_owner(view, at, size, self._groups)
        content, end = _content(view, at, size, kind) if kind == body else (None, at)
        if content is None:
            return None
        mtime = time - _NUMBERS if time >= _NEGATIVE else time
        entry = Entry(features, mode, flags, uid, gid, mtime)
        return Node(name, entry, user, group, (), NO_ACL, None, None, None, content), end


def _end_of_name(view: memoryview, at: int) -> int:
    """Return where the record of a name ends, if an entry and one more header can follow; or 0."""
    if len(view) - at < HEADER_SIZE:
        return 0
    size: int
    size, kind = _HEADER.unpack_from(view, at)
    if kind != _FILENAME or size not in _NAME_SIZES or len(view) - at - size < _ENTRY.size:
        return 0
    return at + size


def _text(view: memoryview, at: int, end: int) -> bytes | None:
    """Return the text of the record at `at`, if it ends with its only NUL and in `view`."""
    body = bytes(view[at + HEADER_SIZE : end])
    if end > len(view) or body.find(0) != len(body) - 1:
        return None
    return body[:-1]


def _known_owner(
    view: memoryview, at: int, size: int, known: Mapping[bytes, Owner]
) -> tuple[Owner | None, int, int, int]:
    """Return an owner, where its record ends, and size and type of the next; type 0 if unknown."""
    end = at + size
    owner = known.get(bytes(view[at:end])) if size in _OWNER_SIZES else None
    if owner is None or len(view) - end < HEADER_SIZE:
        return None, end, 0, 0
    size, kind = _HEADER.unpack_from(view, end)
    return owner, end, size, kind


def _content(
    view: memoryview, at: int, size: int, kind: int
) -> tuple[Payload | Symlink | None, int]:
    """Return the body of a node, and where its record ends; of a file, that of its header."""
    if kind == _PAYLOAD:
        body = Payload(size - HEADER_SIZE) if size in _FILE_SIZES else None
        return body, at + HEADER_SIZE
    target = _text(view, at, at + size) if size in _LINK_SIZES else None
    return None if target is None else Symlink(target), at + size
