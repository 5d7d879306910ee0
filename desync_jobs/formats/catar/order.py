"""Which record can follow which: the grammar of an archive.

    node := Entry [User] [Group] Xattr* AclUser* AclGroup* [AclGroupObj] [AclDefault]
            AclDefaultUser* AclDefaultGroup* [Selinux] [Fcaps] [QuotaProject] body
    body := Payload | Symlink | Device | nothing | (Filename node)* Goodbye

An archive is one node, a directory. Memory is that of the directories open at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar import records as r
from desync_jobs.formats.catar.goodbye import ITEM_SIZE
from desync_jobs.formats.catar.node import NodeKind
from desync_jobs.formats.catar.records import Record
from desync_jobs.formats.catar.rules import check_allowed, check_entry, check_features, is_desyncs

PATH_LIMIT: Final = 65535
"""Bytes of the longest path; it bounds how deep directories can be in each other."""

_RANKS: Final[Mapping[type[Record], int]] = MappingProxyType(
    {
        kind: rank
        for rank, kind in enumerate(
            (
                r.Entry,
                r.User,
                r.Group,
                r.Xattr,
                r.AclUser,
                r.AclGroup,
                r.AclGroupObj,
                r.AclDefault,
                r.AclDefaultUser,
                r.AclDefaultGroup,
                r.Selinux,
                r.Fcaps,
                r.QuotaProject,
            )
        )
    }
)
_AFTER: Final = (r.Filename, r.Goodbye)
_MASKED: Final = (r.AclUser, r.AclGroup)
_MASKED_DEFAULTS: Final = (r.AclDefaultUser, r.AclDefaultGroup)
_REPEATED: Final = (r.Xattr, r.AclUser, r.AclGroup, r.AclDefaultUser, r.AclDefaultGroup)
_BODIES: Final = MappingProxyType(
    {
        NodeKind.FILE: r.Payload,
        NodeKind.SYMLINK: r.Symlink,
        NodeKind.BLOCK_DEVICE: r.Device,
        NodeKind.CHARACTER_DEVICE: r.Device,
    }
)


@dataclass(slots=True)
class _Open:
    """A node whose records are not complete."""

    entry: r.Entry
    kind: NodeKind
    last: Record
    masked: bool = False
    """Whether an access list that needs its `AclGroupObj` has begun."""
    defaults: bool = False
    """Whether the list for new files has begun with a mask."""


@dataclass(slots=True)
class _Directory:
    start: int
    """Where its entry is in the archive."""
    name_size: int
    names: int = 0


class Grammar:
    """Follows the records of one archive."""

    def __init__(self) -> None:
        self._features: int | None = None
        self._node: _Open | None = None
        self._directories: list[_Directory] = []
        self._path_size = 0
        self._named: r.Filename | None = None
        self.ended = False
        """Whether the archive is complete."""

    @classmethod
    def of_node(cls, features: int, name: bytes) -> "Grammar":
        """Follow a node after its name, somewhere in an archive with these feature flags."""
        grammar = cls()
        grammar._features = features
        grammar._directories = [_Directory(0, 0, 1)]
        grammar._named = r.Filename(name)
        return grammar

    @property
    def from_desync(self) -> bool:
        """Whether what was read so far says that desync wrote the archive."""
        return self._features is not None and is_desyncs(self._features)

    def takes_name(self, size: int) -> bool:
        """Whether a name of at most `size` bytes can come now, and its node after it."""
        node = self._node
        return (
            self._named is None
            and bool(self._directories)
            and self._path_size + size <= PATH_LIMIT
            and (node is None or (node.kind is NodeKind.DIRECTORY and not node.masked))
        )

    def accept_nodes(self, count: int) -> None:
        """Follow whole nodes of the directory, with their names and all in them.

        There is one at least, and the first comes where `takes_name`; or it goes on after others.
        """
        self._node = None
        self._directories[-1].names += count

    @property
    def depth(self) -> int:
        """How many directories are open."""
        return len(self._directories)

    @property
    def room(self) -> int:
        """How many bytes the path of a node may have besides that of its directory."""
        return PATH_LIMIT - self._path_size

    def table_limit(self) -> int:
        """Return how many bytes the body of a `Goodbye` that comes now must have."""
        names = self._directories[-1].names if self._directories else 0
        return ITEM_SIZE * (names + 1)

    def accept(self, record: Record, start: int) -> None:
        """Follow `record`, which starts at the byte `start`; `ArchiveFormatError`."""
        if isinstance(record, r.Entry):
            self._enter(record, start)
        elif isinstance(record, _AFTER):
            self.end_node()
            self._follow(record, start)
        elif self._node is None:
            raise self._unexpected(record)
        elif type(record) in _RANKS:
            self._describe(self._node, record)
        else:
            self._fill(self._node, record)

    def _enter(self, entry: r.Entry, start: int) -> None:
        root = self._features is None
        if not root and (self._node is not None or self._named is None):
            raise self._unexpected(entry)
        if self._features is None:
            check_features(entry.feature_flags)
            self._features = entry.feature_flags
        if entry.feature_flags != self._features:
            raise ArchiveFormatError("an ENTRY record with other feature flags than the first")
        kind = check_entry(entry)
        if root and kind is not NodeKind.DIRECTORY:
            raise ArchiveFormatError(f"a root that is a {kind.value}; archives hold directories")
        self._node = _Open(entry, kind, entry)
        if kind is NodeKind.DIRECTORY:
            size = 0 if self._named is None else len(self._named.name) + 1
            self._path_size += size
            self._directories.append(_Directory(start, size))
        self._named = None

    def _describe(self, node: _Open, record: Record) -> None:
        before, rank = node.last, _RANKS[type(record)]
        if rank < _RANKS[type(before)] or (
            type(before) is type(record) and not _ascends(node, record)
        ):
            raise self._unexpected(record)
        check_allowed(record, node.entry, node.kind)
        if isinstance(record, _MASKED):
            node.masked = True
        if isinstance(record, r.AclGroupObj):
            node.masked = False
        elif node.masked and rank > _RANKS[r.AclGroupObj]:
            raise ArchiveFormatError("an access list without a record AclGroupObj")
        if isinstance(record, r.AclDefault):
            node.defaults = record.mask is not None
        if isinstance(record, _MASKED_DEFAULTS) and not node.defaults:
            raise ArchiveFormatError("a list for new files without a mask")
        node.last = record

    def _fill(self, node: _Open, record: Record) -> None:
        if _BODIES.get(node.kind) is not type(record):
            raise self._unexpected(record)
        self._complete(node)

    def end_node(self) -> None:
        """End a node that has no body of its own; `ArchiveFormatError` for one that should."""
        node = self._node
        if node is None:
            return
        if node.kind in _BODIES:
            raise ArchiveFormatError(f"a {node.kind.value} without its content")
        self._complete(node)

    def _complete(self, node: _Open) -> None:
        if node.masked:
            raise ArchiveFormatError("an access list without a record AclGroupObj")
        self._node = None

    def _follow(self, record: r.Filename | r.Goodbye, start: int) -> None:
        """Begin a directory's next entry, or end the directory."""
        if not self._directories or (self._named is not None and not self.from_desync):
            raise self._unexpected(record)
        directory = self._directories[-1]
        if isinstance(record, r.Filename):
            directory.names += 1
            self._named = record
            if self._path_size + len(record.name) > PATH_LIMIT:
                raise ArchiveFormatError(f"a path of more than {PATH_LIMIT} bytes")
            return
        if record.entry_offset != start - directory.start:
            raise ArchiveFormatError("a GOODBYE record that belongs to another directory")
        self._directories.pop()
        self._path_size -= directory.name_size
        self._named = None
        self.ended = not self._directories

    def _unexpected(self, record: Record) -> ArchiveFormatError:
        where = "outside of a node" if self._node is None else f"after {_name(self._node.last)}"
        if self._features is None:
            where = "at the beginning, where an archive has its root"
        if self._named is not None:
            where = "after a name"
        return ArchiveFormatError(f"a record {_name(record)} {where}")


def _name(record: Record) -> str:
    return type(record).__name__


def _ascends(node: _Open, record: Record) -> bool:
    """Whether `record` can repeat the record before it, of the same type."""
    if not isinstance(record, _REPEATED):
        return False
    return _key(node.last) < _key(record)


def _key(record: Record) -> tuple[object, ...]:
    if isinstance(record, r.Xattr):
        return (record.name,)
    if isinstance(record, r.AclUser | r.AclGroup | r.AclDefaultUser | r.AclDefaultGroup):
        return record.id, record.name is not None, record.name or b"", record.permissions
    return ()
