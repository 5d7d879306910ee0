"""A node: one file, directory or other thing of a tree, without its content and its children."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from desync_jobs.formats.catar.records import (
    AclDefault,
    AclDefaultGroup,
    AclDefaultUser,
    AclGroup,
    AclGroupObj,
    AclUser,
    Device,
    Entry,
    Fcaps,
    Group,
    Payload,
    QuotaProject,
    Record,
    Selinux,
    Symlink,
    User,
    Xattr,
)


class NodeKind(Enum):
    """What a node is; the value is its name in an mtree."""

    # There is one of each: by name takes a call, in tables that every node is looked up in.
    __hash__ = object.__hash__

    DIRECTORY = "dir"
    FILE = "file"
    SYMLINK = "link"
    BLOCK_DEVICE = "block"
    CHARACTER_DEVICE = "char"
    FIFO = "fifo"
    SOCKET = "socket"


_KINDS = {
    stat.S_IFDIR: NodeKind.DIRECTORY,
    stat.S_IFREG: NodeKind.FILE,
    stat.S_IFLNK: NodeKind.SYMLINK,
    stat.S_IFBLK: NodeKind.BLOCK_DEVICE,
    stat.S_IFCHR: NodeKind.CHARACTER_DEVICE,
    stat.S_IFIFO: NodeKind.FIFO,
    stat.S_IFSOCK: NodeKind.SOCKET,
}


def node_kind(mode: int) -> NodeKind:
    """Return what `st_mode` says a node is; `KeyError` where it says nothing."""
    return _KINDS[stat.S_IFMT(mode)]


@dataclass(frozen=True, slots=True)
class Acl:
    """The access lists of a node, each part in the order of the archive."""

    users: tuple[AclUser, ...] = ()
    groups: tuple[AclGroup, ...] = ()
    group_obj: AclGroupObj | None = None
    default: AclDefault | None = None
    default_users: tuple[AclDefaultUser, ...] = ()
    default_groups: tuple[AclDefaultGroup, ...] = ()

    def records(self) -> Iterator[Record]:
        """Every part, in the order of the archive."""
        yield from self.users
        yield from self.groups
        if self.group_obj is not None:
            yield self.group_obj
        if self.default is not None:
            yield self.default
        yield from self.default_users
        yield from self.default_groups


NO_ACL = Acl()

Body: TypeAlias = Payload | Symlink | Device | None
"""What a node is beyond its metadata: None for directories, FIFOs and sockets."""


class Node(NamedTuple):
    """One entry of a tree."""

    name: bytes
    """Its name in its directory; empty for the root."""
    entry: Entry
    user: User | None = None
    group: Group | None = None
    xattrs: tuple[Xattr, ...] = ()
    """By name, each name once."""
    acl: Acl = NO_ACL
    selinux: Selinux | None = None
    fcaps: Fcaps | None = None
    project: QuotaProject | None = None
    body: Body = None

    @property
    def kind(self) -> NodeKind:
        """What the node is."""
        return node_kind(self.entry.mode)

    def records(self) -> Iterator[Record]:
        """Every record from `Entry` to the body, in the order of the archive."""
        yield self.entry
        for record in (self.user, self.group, *self.xattrs, *self.acl.records()):
            if record is not None:
                yield record
        for record in (self.selinux, self.fcaps, self.project, self.body):
            if record is not None:
                yield record
