"""The tree of a tar stream, one node after the other, in the order of an archive."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from desync_jobs.archive.exclude import (
    EXCLUDE_FILE,
    NOTHING_EXCLUDED,
    SIZE_LIMIT,
    Exclusion,
    Rule,
    parse_rules,
)
from desync_jobs.archive.metadata import Metadata
from desync_jobs.archive.tar_content import MemberContent
from desync_jobs.archive.tar_file import TarFile
from desync_jobs.archive.tar_tree import Folder, Item, TarTree
from desync_jobs.archive.walk import Visit
from desync_jobs.errors import ArchiveFormatError, SourceError
from desync_jobs.formats.catar.checking import NodeCheck
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.formats.tar.member import Member, Place
from desync_jobs.formats.tar.reading import TarReader
from desync_jobs.report.words import counted

_F = FeatureFlags

_NODUMP: Final = int(_F.ATTRIBUTE_NODUMP)
_UNTOLD: Final = Member(
    Place(0, 0, 0, 0),
    b"",
    stat.S_IFDIR | 0o755,
    hard_link=False,
    uid=0,
    gid=0,
    user=b"",
    group=b"",
    mtime_ns=0,
    size=0,
    target=b"",
    major=0,
    minor=0,
    records={},
)
"""What stands for a directory that no member tells of."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A tar stream in a file that can be read at any place."""

    name: str
    fd: int
    origin: int = 0
    """Where it begins in the file."""

    @property
    def size(self) -> int:
        """Bytes from its beginning to the end of the file."""
        return max(os.fstat(self.fd).st_size - self.origin, 0)

    def stamp(self) -> tuple[int, int]:
        """Return what changes when somebody writes to the file."""
        found = os.fstat(self.fd)
        return found.st_size, found.st_mtime_ns

    def read(self, at: int, size: int) -> bytes:
        """Read so many bytes at a place of the stream; fewer where it ends."""
        try:
            return os.pread(self.fd, size, self.origin + at)
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be read: {error.strerror}") from error


@dataclass(slots=True)
class _Directory:
    folder: Folder
    names: Iterator[bytes]
    exclusion: Exclusion
    path: bytes


class TarWalk:
    """The nodes of the tree in one stream."""

    def __init__(self, stream: Stream, metadata: Metadata, expansion: int) -> None:
        self._stream = stream
        self._then = stream.stamp()
        self._metadata = metadata
        self._reader = TarReader(stream.name, stream.size, stream.read)
        self._tree = TarTree(self._reader, stream.name, expansion, metadata.unkept)
        self._check = NodeCheck(metadata.recorded)
        self._exclude_file = bool(metadata.features & _F.EXCLUDE_FILE)
        self._exclude_nodump = bool(metadata.features & _F.EXCLUDE_NODUMP)
        self._open: list[_Directory] = []
        self._path = b""
        self._added: Folder | None = None
        """The root, where it was asked for."""
        self._untold = 0
        self._first_untold = b""

    def survey(self, check: Callable[[], None]) -> None:
        """Read the headers of all members, with a `check` for each.

        Raises `TarFormatError` for what is no tar stream, or becomes no tree.
        """
        for member in self._reader.members():
            check()
            self._tree.add(member)

    def visits(self, *, add_root: bool) -> Iterator[Visit | None]:
        """Yield each node, and None where the directory that was entered last is complete.

        After `survey`. Raises `SourceError` for what no archive can have.
        """
        root = self._tree.root(added=add_root)
        self._added = root if add_root else None
        try:
            yield from self._visits(root)
        except (SourceError, ArchiveFormatError) as error:
            error.about(f"{self._stream.name}: {os.fsdecode(self._path)}")
            raise
        if self._stream.stamp() != self._then:
            raise SourceError(f"{self._stream.name}: changed while it was read")

    def messages(self) -> Iterator[str]:
        """Say what is not as one would think; after everything was visited."""
        name = self._stream.name
        if not self._reader.marked:
            yield f"{name}: ends without the mark of its end; it may have been cut off"
        if self._reader.labels:
            yield f"{name}: the label of its volume has no place in an archive"
        if self._untold:
            made = counted(self._untold, "directory")
            yield (
                f"{name}: nothing tells of {made}, such as {os.fsdecode(self._first_untold)!r}; "
                "made with the mode 0755, the owner 0:0 and the time 0"
            )

    def _visits(self, root: Folder) -> Iterator[Visit | None]:
        self._path = b"."
        yield self._enter(b"", root, NOTHING_EXCLUDED)
        while self._open:
            top = self._open[-1]
            name = next(top.names, None)
            if name is None:
                self._open.pop()
                yield None
                continue
            item = top.folder.children[name]
            self._path = name if top.path == b"." else top.path + b"/" + name
            if not top.exclusion.excludes(name, directory=isinstance(item, Folder)):
                visit = self._visit(name, item, top)
                if visit is not None:
                    yield visit

    def _visit(self, name: bytes, item: Item, top: _Directory) -> Visit | None:
        if isinstance(item, Folder):
            return self._enter(name, item, top.exclusion.below(name))
        member = self._reader.member_at(item)
        if not self._metadata.takes(member.mode, name):
            return None
        content = MemberContent(member, self._stream.read)
        return self._told(name, member, content.read)

    def _enter(self, name: bytes, folder: Folder, exclusion: Exclusion) -> Visit | None:
        """Go into a directory; None where nothing of it is archived."""
        member = self._reader.member_at(folder.start) if folder.start is not None else _UNTOLD
        visit = self._told(name, member, None)
        if visit is None:
            return None
        if folder.start is None and folder is not self._added:
            self._first_untold = self._first_untold or self._path
            self._untold += 1
        if self._exclude_file and EXCLUDE_FILE.encode() in folder.children:
            exclusion = exclusion.extended(self._rules(folder.children[EXCLUDE_FILE.encode()]))
        names = iter(sorted(folder.children))
        self._open.append(_Directory(folder, names, exclusion, self._path))
        return visit

    def _told(
        self, name: bytes, member: Member, read: Callable[[int], bytes] | None
    ) -> Visit | None:
        file = TarFile(name, member, self._metadata)
        if name and self._exclude_nodump and file.flags & _NODUMP:
            return None
        node = self._metadata.node(file, file)
        self._check.check(node)
        return Visit(node, self._path, read=read)

    def _rules(self, item: Item) -> list[Rule]:
        """Return what the exclude file of a directory says."""
        if isinstance(item, Folder):
            raise SourceError(f"its {EXCLUDE_FILE} is a directory")
        member = self._reader.member_at(item)
        if not stat.S_ISREG(member.mode):
            raise SourceError(f"its {EXCLUDE_FILE} is no file")
        if member.size > SIZE_LIMIT:
            raise SourceError(f"its {EXCLUDE_FILE} has more than {SIZE_LIMIT} bytes")
        content, text = MemberContent(member, self._stream.read), b""
        while len(text) < member.size:
            piece = content.read(member.size - len(text))
            if not piece:
                raise SourceError("changed while it was read")
            text += piece
        return parse_rules(text)
