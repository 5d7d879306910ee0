"""The tree that the members of a tar stream make, in whatever order they come.

Of each member only its name and where its headers are is kept. As where GNU tar extracts: the last
of several members with one path counts, a hard link is what its target was when it came, `/` at the
beginning of a path is left out, and a path with `..` is refused.
"""

import os
import stat
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from desync_jobs.archive.unkept import Unkept
from desync_jobs.errors import TarFormatError
from desync_jobs.formats.tar.member import Member
from desync_jobs.formats.tar.reading import TarReader

_NAME_LIMIT: Final = 255
_PATH_LIMIT: Final = 65535
_UNTOLD_LIMIT: Final = 1 << 20
"""Directories that no member tells of; a short path may have thousands."""
_SHOWN: Final = 3


@dataclass(slots=True)
class Folder:
    """A directory."""

    start: int | None
    """Where its headers are; None where no member tells of it."""
    children: dict[bytes, "Item"] = field(default_factory=dict)


Item: TypeAlias = Folder | int
"""A directory, or where the headers of anything else are."""


class TarTree:
    """The tree of one stream; `expansion` are the bytes of content that it may have beyond it."""

    def __init__(self, reader: TarReader, name: str, expansion: int, unkept: Unkept) -> None:
        self._reader = reader
        self._name = name
        self._expansion = self._left = expansion
        self._unkept = unkept
        self._untold = 0
        self._top = Folder(None)

    def add(self, member: Member) -> None:
        """Take the member that comes next; `TarFormatError` where no tree can have it."""
        try:
            self._add(member)
        except TarFormatError as error:
            path = os.fsdecode(member.path)
            error.args = (f"{self._name}: {path!r} at byte {member.place.start}: {error}",)
            raise

    def root(self, *, added: bool) -> Folder:
        """Return the directory that becomes the root of an archive.

        That is the one called `.`, or the only one at the top, or one that is `added` for all.
        """
        top = self._top
        if added or top.start is not None:
            return top
        if len(top.children) == 1:
            (only,) = top.children.values()
            if isinstance(only, Folder):
                return only
        names = [os.fsdecode(name) for name in sorted(top.children)]
        shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        raise TarFormatError(
            f"{self._name}: has no directory that everything is in ({shown or 'it is empty'}); "
            "add one: add_root = true, --tar-add-root"
        )

    def _add(self, member: Member) -> None:
        *above, name = self._names(member.path) or [b""]
        directory = stat.S_ISDIR(member.mode)
        if not name:
            if not directory:
                raise TarFormatError("is the top of the tree, and no directory")
            self._top.start = member.place.start
            return
        folder = self._folder(above)
        found = folder.children.get(name)
        if directory:
            if isinstance(found, Folder):
                found.start = member.place.start
            else:
                folder.children[name] = Folder(member.place.start)
            return
        if isinstance(found, Folder) and found.children:
            raise TarFormatError("is a directory that has entries, and later something else")
        folder.children[name] = self._linked(member) if member.hard_link else member.place.start
        self._expand(member.size - (0 if member.hard_link else member.place.stored))

    def _folder(self, names: list[bytes]) -> Folder:
        folder = self._top
        for name in names:
            found = folder.children.get(name)
            if found is None:
                self._untold += 1
                if self._untold > _UNTOLD_LIMIT:
                    raise TarFormatError(f"needs more than {_UNTOLD_LIMIT:,} untold directories")
                found = folder.children[name] = Folder(None)
            elif isinstance(found, int):
                raise TarFormatError(f"is in {os.fsdecode(name)!r}, which is no directory")
            folder = found
        return folder

    def _linked(self, member: Member) -> int:
        """Return where the headers of a hard link's target are."""
        item: Item | None = self._top
        for name in self._names(member.target):
            item = item.children.get(name) if isinstance(item, Folder) else None
        if not isinstance(item, int):
            target = os.fsdecode(member.target)
            raise TarFormatError(f"is a hard link to {target!r}, which is no file before it")
        found = self._reader.member_at(item)
        # What its headers say is repeated too.
        self._expand(found.size + found.place.content - found.place.start)
        return item

    def _expand(self, size: int) -> None:
        self._left -= max(size, 0)
        if self._left < 0:
            raise TarFormatError(
                f"makes more than {self._expansion:,} bytes of holes and of linked files; raise "
                "max_expansion (--max-expansion) if they are wanted"
            )

    def _names(self, path: bytes) -> list[bytes]:
        if len(path) > _PATH_LIMIT or b"\0" in path:
            raise TarFormatError("has a path that no archive can have")
        if path.startswith(b"/"):
            self._unkept.add("the / at the beginning of", path)
        names = [name for name in path.split(b"/") if name not in (b"", b".")]
        if b".." in names:
            raise TarFormatError("has .. in its path, which could lead out of the tree")
        if any(len(name) > _NAME_LIMIT for name in names):
            raise TarFormatError(f"has a name of more than {_NAME_LIMIT} bytes")
        return names
