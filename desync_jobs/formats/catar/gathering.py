"""The records of one node, gathered until the node is complete."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from desync_jobs.formats.catar import records as r
from desync_jobs.formats.catar.node import Acl, Node
from desync_jobs.formats.catar.records import Record


class NodeRecords:
    """What came of a node so far; the grammar has said that it may come."""

    def __init__(self) -> None:
        self.entry: r.Entry | None = None
        self._parts: dict[str, Any] = {}
        self._plain = True
        """Whether it has neither extended attributes nor access lists, as nearly all."""

    def add(self, record: Record) -> None:
        """Take any record of a node but its name."""
        if isinstance(record, r.Entry):
            self.entry = record
        elif (key := _SINGLE.get(type(record))) is not None:
            self._parts[key] = record
        else:
            self._plain = False
            if (key := _SINGLE_OF_ACL.get(type(record))) is not None:
                self._parts[key] = record
                return
            self._parts.setdefault(_SEVERAL[type(record)], []).append(record)

    def node(self, name: bytes) -> Node:
        """Return the node called `name`; there has been its entry."""
        if self.entry is None:
            raise ValueError("a node without an entry")
        if self._plain:
            return Node(name, self.entry, **self._parts)
        parts = dict(self._parts)
        acl: dict[str, Any] = {key: parts.pop(key) for key in _ACL_PARTS if key in parts}
        for several in (acl, parts):
            several.update({k: tuple(v) for k, v in several.items() if isinstance(v, list)})
        return Node(name, self.entry, acl=Acl(**acl), **parts)


_SINGLE: Final[Mapping[type[Record], str]] = MappingProxyType(
    {
        r.User: "user",
        r.Group: "group",
        r.Selinux: "selinux",
        r.Fcaps: "fcaps",
        r.QuotaProject: "project",
        r.Payload: "body",
        r.Symlink: "body",
        r.Device: "body",
    }
)
_SINGLE_OF_ACL: Final[Mapping[type[Record], str]] = MappingProxyType(
    {r.AclGroupObj: "group_obj", r.AclDefault: "default"}
)
_SEVERAL: Final[Mapping[type[Record], str]] = MappingProxyType(
    {
        r.Xattr: "xattrs",
        r.AclUser: "users",
        r.AclGroup: "groups",
        r.AclDefaultUser: "default_users",
        r.AclDefaultGroup: "default_groups",
    }
)
_ACL_PARTS: Final = ("users", "groups", "group_obj", "default", "default_users", "default_groups")
