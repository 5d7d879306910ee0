"""A node of an archive, as the headers of a tar stream tell of it."""

import os
import stat
from collections.abc import Iterator
from typing import Final

from desync_jobs.archive.acl import ACCESS, DEFAULT
from desync_jobs.archive.acl_text import NamedIds, acl_text
from desync_jobs.archive.flag_words import words_of
from desync_jobs.archive.unkept import Unkept
from desync_jobs.archive.wanted import LABEL, Demands, Wanted
from desync_jobs.formats.catar.node import Node, NodeKind
from desync_jobs.formats.catar.reading import Opened
from desync_jobs.formats.catar.records import AclName, Device, Payload, Symlink
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.formats.tar import member as tar
from desync_jobs.formats.tar.pax import Records
from desync_jobs.formats.tar.writing import OWNER_LIMIT, Fields, TarFormat

_SECOND: Final = 1_000_000_000
_KINDS: Final = {
    NodeKind.FILE: b"0",
    NodeKind.SYMLINK: b"2",
    NodeKind.CHARACTER_DEVICE: b"3",
    NodeKind.BLOCK_DEVICE: b"4",
    NodeKind.DIRECTORY: b"5",
    NodeKind.FIFO: b"6",
}
_UNTOLD_MODE: Final = {NodeKind.DIRECTORY: 0o755, NodeKind.SYMLINK: 0o777}
_LISTS: Final = {ACCESS: tar.ACCESS_LIST, DEFAULT: tar.DEFAULT_LIST}
_ROOT: Final = b"root"


class MemberFields:
    """Says what the headers of each node of one archive say.

    Of an archive that does not tell them, or where they are not wanted, directories have the mode
    0755 and files 0644, the owner is 0:0 and the time 0.
    """

    def __init__(self, features: FeatureFlags, form: TarFormat, unkept: Unkept) -> None:
        self._named = bool(features & FeatureFlags.USER_NAMES)
        # A stream has names beside numbers, whether they are known here or not.
        self._demands = Demands(features & ~FeatureFlags.USER_NAMES)
        self._form = form
        self._unkept = unkept

    def leaves_out(self, node: Node) -> bool:
        """Whether nothing of this kind is wanted."""
        return self._demands.leaves_out(node)

    def of(self, opened: Opened) -> Fields | None:
        """Return what a member says; None for a socket, of which no stream has any."""
        path, node = opened.path, opened.node
        kind = _KINDS.get(node.kind)
        if kind is None:
            self._unkept.add(f"the {node.kind.value}", path)
            return None
        wanted = self._demands.of(node)
        user, group = wanted.owner or (0, 0)
        body = node.body
        major, minor = (body.major, body.minor) if isinstance(body, Device) else (0, 0)
        return Fields(
            _member_path(path, node.kind),
            kind,
            _mode(node, wanted),
            user,
            group,
            self._name(wanted, user, None if node.user is None else node.user.name, path),
            self._name(wanted, group, None if node.group is None else node.group.name, path),
            self._time(wanted, path),
            body.size if isinstance(body, Payload) else 0,
            body.target if isinstance(body, Symlink) else b"",
            major,
            minor,
            self._records(node, wanted, path),
        )

    def _name(self, wanted: Wanted, number: int, name: bytes | None, path: bytes) -> bytes:
        if not self._named or wanted.owner is None:
            return b""
        if name and len(name) > OWNER_LIMIT and self._form is TarFormat.GNU:
            self._unkept.add("a name of an owner of", path)
            return b""
        # No archive tells the name of root.
        return name or (b"" if number else _ROOT)

    def _time(self, wanted: Wanted, path: bytes) -> int:
        time = wanted.mtime_ns or 0
        if self._form is TarFormat.GNU and time % _SECOND:
            self._unkept.add("the fraction of a second in the time of", path)
        return time

    def _records(self, node: Node, wanted: Wanted, path: bytes) -> Records:
        if wanted.project:
            self._unkept.add("the quota project of", path)
        records = [*self._attributes(node, wanted), *self._flags(wanted, path)]
        if self._form is TarFormat.PAX:
            return records
        for keyword, _ in records:
            self._unkept.add(f"{os.fsdecode(keyword)} of", path)
        return []

    def _attributes(self, node: Node, wanted: Wanted) -> Iterator[tuple[bytes, bytes]]:
        for name, value in sorted(wanted.attributes.items()):
            if name in _LISTS:
                yield _LISTS[name], acl_text(value, self._names(node))
            elif name == LABEL:
                yield tar.SELINUX, value.rstrip(b"\0")
            else:
                yield tar.XATTR + tar.escaped(os.fsencode(name)), value

    def _names(self, node: Node) -> NamedIds:
        """Return what the archive calls those whom its lists name."""
        if not self._named:
            return NamedIds()
        users: tuple[AclName, ...] = (*node.acl.users, *node.acl.default_users)
        groups: tuple[AclName, ...] = (*node.acl.groups, *node.acl.default_groups)
        return NamedIds(
            {one.id: one.name for one in users if one.name},
            {one.id: one.name for one in groups if one.name},
        )

    def _flags(self, wanted: Wanted, path: bytes) -> Iterator[tuple[bytes, bytes]]:
        words = list(words_of(wanted.flags))
        for flag in words:
            if isinstance(flag, FeatureFlags):
                self._unkept.add(f"the attribute {flag.name} of", path)
        known = sorted(word for word in words if isinstance(word, bytes))
        if known:
            yield tar.FILE_FLAGS, b",".join(known)


def _member_path(path: bytes, kind: NodeKind) -> bytes:
    if path == b".":
        return b"./"
    return path + b"/" if kind is NodeKind.DIRECTORY else path


def _mode(node: Node, wanted: Wanted) -> int:
    """Return the permissions, those of links as tar has them."""
    if wanted.mode is not None:
        return wanted.mode
    plain = _UNTOLD_MODE.get(node.kind, 0o644)
    return plain & ~0o222 if wanted.read_only and not stat.S_ISLNK(node.entry.mode) else plain
