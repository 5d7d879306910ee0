"""Digests of a tree's nodes: of all of them together, and of each as long as they are few.

The digest of a directory is that of itself, and of the names and digests of all that is in it. Of
many nodes the deepest are not listed: their directories stand for them. Memory grows with the
directories on the way alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, TypeAlias

LISTED: Final = 1000
"""Nodes that are listed at the most, the top not counted."""
_KEPT: Final = LISTED * 7 // 8
"""Nodes that at the most stay listed where there were more."""
_SIZE: Final = 32
"""Bytes of a digest."""


@dataclass(slots=True, eq=False)
class _Folder:
    name: bytes
    content: blake2b
    children: "dict[bytes, _Child] | None"
    """What is in it; None where it stands for all of that."""


_Child: TypeAlias = str | _Folder
"""The digest of what is no directory, in hex; or a directory."""


class TreeDigests:
    """Takes the nodes of one tree, each after its directory."""

    def __init__(self, about: bytes) -> None:
        """Begin with the top of the tree; `about` is all that a node has besides its name."""
        self._top = _Folder(b".", _begin(about), {})
        self._open = [self._top]
        self._levels: list[list[_Folder]] = [[self._top]]
        """By depth, directories whose nodes are listed."""
        self._listed = 0

    def add(self, name: bytes, about: bytes) -> None:
        """Take what is no directory, in the one that is open."""
        content = _begin(about)
        self._open[-1].content.update(b"%b\0%b" % (name, content.digest()))
        if self._open[-1].children is not None:
            self._list(self._open[-1].children, name, content.hexdigest())

    def enter(self, name: bytes, about: bytes) -> None:
        """Begin a directory, in the one that is open."""
        folder = _Folder(name, _begin(about), None)
        parent, depth = self._open[-1], len(self._open)
        self._open.append(folder)
        if parent.children is not None:
            folder.children = {}
            if depth == len(self._levels):
                self._levels.append([])
            self._levels[depth].append(folder)
            self._list(parent.children, name, folder)

    def leave(self) -> None:
        """End the directory that is open."""
        folder = self._open.pop()
        if self._open:
            self._open[-1].content.update(b"%b\0%b" % (folder.name, folder.content.digest()))

    def listed(self) -> Iterator[tuple[bytes, str]]:
        """Yield paths and their digests in hex, when all was taken: `.` first, for the top.

        The path of a directory that stands for all that is in it ends in a slash.
        """
        waiting: list[tuple[bytes, _Child]] = [(b".", self._top)]
        while waiting:
            path, child = waiting.pop()
            if isinstance(child, str):
                yield path, child
                continue
            yield path if child.children is not None else path + b"/", child.content.hexdigest()
            above = b"" if child is self._top else path + b"/"
            below = (child.children or {}).items()
            waiting += [(above + name, one) for name, one in reversed(below)]

    def _list(self, children: dict[bytes, _Child], name: bytes, child: _Child) -> None:
        children[name] = child
        self._listed += 1
        if self._listed > LISTED:
            self._fold()

    def _fold(self) -> None:
        """Let directories stand for what is in them: the deepest first, of these the largest."""
        while self._listed > _KEPT:
            level = self._levels[-1]
            level.sort(key=lambda one: len(one.children or ()))
            while level and self._listed > _KEPT:
                folder = level.pop()
                self._listed -= len(folder.children or ())
                folder.children = None
            if not level:
                self._levels.pop()


def _begin(about: bytes) -> blake2b:
    return blake2b(about, digest_size=_SIZE)
