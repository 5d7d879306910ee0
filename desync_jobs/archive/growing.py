"""Runs of plain nodes made in one go as they lie in the archive's bytes, with all in between.

Nearly every node of a tree is a name, an entry, the names of its owners and a body, and few are
different in more than name, time and body. Those kinds are learnt from nodes that came the long
way, record by record; what follows of a kind that is known is read by `core._tree`, and made in
directories that are new, or held against what is there in others. It stops before whatever is
not plain, not complete, not possible or not right. That goes the long way, where every rule is
and every message.
"""

import stat
import struct
from typing import Final, NamedTuple

from desync_jobs.archive.folders import Folder
from desync_jobs.archive.straight import Straight
from desync_jobs.archive.wanted import Demands
from desync_jobs.core.tree import TREE
from desync_jobs.formats.catar.encode import encode
from desync_jobs.formats.catar.node import NO_ACL, Node
from desync_jobs.formats.catar.rules import granularity

_KIND: Final = struct.Struct("=7I")
_IMPOSSIBLE: Final = 0xFFFFFFFF
_MOST_KINDS: Final = 256
"""Nodes that are known, which are gone through for each one that is read."""
_GROWN: Final = frozenset({stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR})


class Begun(NamedTuple):
    """A directory that was made or opened, and is not complete."""

    fd: int
    at: int
    """Where its name is in the bytes."""
    names: list[bytes]
    """What is complete in it, in order."""


class Grown(NamedTuple):
    """What came of some nodes."""

    end: int
    """Where they end in the bytes."""
    made: int
    right: int
    """Entries that were complete before."""
    names: list[bytes]
    """What is complete in the directory itself, in order."""
    begun: list[Begun]


class Growing:
    """Does plain nodes of one archive; used from one thread."""

    def __init__(
        self, demands: Demands, straight: Straight, features: int, *, unseen: bool
    ) -> None:
        """Begin; `unseen` where nobody sees the tree before it is complete."""
        self._demands = demands
        self._straight = straight
        self._tick = granularity(features)
        self._unseen = unseen
        self._known: set[tuple[object, ...]] = set()
        self._kinds = b""

    def learn(self, node: Node) -> None:
        """Take note of a node that is made the long way."""
        key = (*node.entry[:5], node.user, node.group)
        if key in self._known or len(self._known) >= _MOST_KINDS or not _is_plain(node):
            return
        numbers, given = self._straight.compared(node), self._straight.made(node)
        if numbers is None:
            return
        kind = stat.S_IFMT(node.entry.mode)
        # A directory is this user's alone until it is complete.
        possible = given is not None and (kind != stat.S_IFDIR or numbers.has_mode)
        records = (node.entry._replace(mtime_ns=0), node.user, node.group)
        data = b"".join(encode(one) for one in records if one is not None)
        wants, mode, user, group, _ = numbers
        gives = given.wants if given is not None and possible else _IMPOSSIBLE
        self._known.add(key)
        self._kinds += _KIND.pack(len(data), kind, wants, gives, mode, user, group) + data

    def grow(self, view: memoryview, at: int, folder: Folder, room: int) -> Grown | None:
        """Do what begins at `at` in a folder; None where nothing can be done in this way.

        A path in it may have `room` bytes.
        """
        if TREE is None or not self._kinds or (folder.is_new and not folder.plain):
            return None
        end, made, right, names, begun = TREE.grow(
            view,
            at,
            folder.fd,
            not folder.is_new,
            folder.last,
            room,
            self._kinds,
            self._tick,
            self._demands.tick,
            not self._unseen,
            *self._straight.unwanted,
        )
        if end == at:
            return None
        return Grown(end, made, right, names, [Begun(*one) for one in begun])


def _is_plain(node: Node) -> bool:
    return (
        stat.S_IFMT(node.entry.mode) in _GROWN
        and not node.xattrs
        and node.acl == NO_ACL
        and node.selinux is None
        and node.fcaps is None
        and node.project is None
    )
