"""What can be told of a node, attribute by attribute, as words and numbers."""

import stat
from hashlib import new as new_hash
from typing import Final, TypeAlias

from desync_jobs.formats.catar import records as r
from desync_jobs.formats.catar.features import ENTRY_FLAGS
from desync_jobs.formats.catar.listing import escaped
from desync_jobs.formats.catar.node import Acl, Node, NodeKind
from desync_jobs.formats.catar.rules import granularity
from desync_jobs.formats.flags import FeatureFlags

Value: TypeAlias = str | int | None
"""None where there is no such attribute."""

_F = FeatureFlags
# Plain numbers: each node is asked about all of them, and flags cost 20 times as much.
_IDS: Final = int(_F.USER_IDS_16BIT | _F.USER_IDS_32BIT)
_USER_NAMES: Final = int(_F.USER_NAMES)
_MODES: Final = int(_F.PERMISSIONS | _F.ACL)
_ACL: Final = int(_F.ACL)
_XATTRS: Final = int(_F.XATTRS)
_SELINUX: Final = int(_F.SELINUX)
_CAPABILITIES: Final = int(_F.FILE_CAPABILITIES)
_PROJECTS: Final = int(_F.QUOTA_PROJECT_ID)
_ENTRY_FLAGS: Final = int(ENTRY_FLAGS)
_NUMBERS: Final = 1 << 64
_SECOND: Final = 1_000_000_000
_SHORT: Final = 64
"""Bytes of the longest value that is told as it is."""


def attributes(
    node: Node, digest: str | None, features: tuple[int, int], ignored: frozenset[str]
) -> dict[str, Value]:
    """Return every attribute of a node that both of `features` keep, but those `ignored`.

    `digest` is that of a file's content. What a node has not is left out.
    """
    both = features[0] & features[1]
    named: dict[str, dict[str, Value]] = {
        "content": _content(node, digest),
        "owner": _owner(node, both),
        "permissions": _permissions(node, features),
        "times": _times(node, features),
        "xattrs": _xattrs(node) if both & _XATTRS else {},
        "selinux": _label(node) if both & _SELINUX else {},
        "capabilities": _capabilities(node) if both & _CAPABILITIES else {},
        "flags": _flags(node, both),
        "project": _project(node) if both & _PROJECTS else {},
    }
    return {
        name: value
        for aspect, values in named.items()
        if aspect not in ignored
        for name, value in values.items()
    }


def _content(node: Node, digest: str | None) -> dict[str, Value]:
    match node.body:
        case r.Payload(size):
            return {"size": size, "content": digest}
        case r.Symlink(target):
            return {"target": escaped(target)}
        case r.Device(major, minor):
            return {"device": f"{major},{minor}"}
        case None:
            return {}


def _owner(node: Node, both: int) -> dict[str, Value]:
    values: dict[str, Value] = {}
    if both & _IDS:
        values |= {"uid": node.entry.uid, "gid": node.entry.gid}
    if both & _USER_NAMES:
        for name, record in (("user", node.user), ("group", node.group)):
            if record is not None:
                values[name] = escaped(record.name)
    return values


def _permissions(node: Node, features: tuple[int, int]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    # Every link has the same, but for what a tar archive told desync.
    if all(one & _MODES for one in features) and node.kind is not NodeKind.SYMLINK:
        values["mode"] = f"{stat.S_IMODE(node.entry.mode):04o}"
    if features[0] & features[1] & _ACL:
        values |= _acl(node.acl)
    return values


def _acl(acl: Acl) -> dict[str, Value]:
    """Return access lists as `getfacl` writes their named entries."""
    group = acl.group_obj
    access = [
        *(_granted("user", one) for one in acl.users),
        *(_granted("group", one) for one in acl.groups),
        *([] if group is None else [f"group::{_allowed(group.permissions)}"]),
    ]
    default = [
        *(_granted("user", one) for one in acl.default_users),
        *(_granted("group", one) for one in acl.default_groups),
    ]
    if acl.default is not None:
        parts = (
            ("user", acl.default.user_obj),
            ("group", acl.default.group_obj),
            ("other", acl.default.other),
            ("mask", acl.default.mask),
        )
        default[:0] = [f"{who}::{_allowed(what)}" for who, what in parts if what is not None]
    lists = {"acl": ",".join(access), "default acl": ",".join(default)}
    return {name: text for name, text in lists.items() if text}


def _granted(who: str, one: r.AclName) -> str:
    name = str(one.id) if one.name is None else escaped(one.name)
    return f"{who}:{name}:{_allowed(one.permissions)}"


def _allowed(permissions: int) -> str:
    return "".join(
        letter if permissions & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1))
    )


def _times(node: Node, features: tuple[int, int]) -> dict[str, Value]:
    units = [granularity(one) for one in features]
    if not all(units):
        return {}
    # casync counts times before 1970 from the other end.
    count = node.entry.mtime_ns % _NUMBERS
    rounded = count - count % max(units)
    nanoseconds = rounded if node.entry.mtime_ns >= 0 else rounded - _NUMBERS
    seconds, rest = divmod(abs(nanoseconds), _SECOND)
    return {"mtime": f"{'-' if nanoseconds < 0 else ''}{seconds}.{rest:09}"}


def _xattrs(node: Node) -> dict[str, Value]:
    return {f"xattr {escaped(one.name)}": _told(one.value) for one in node.xattrs}


def _label(node: Node) -> dict[str, Value]:
    return {} if node.selinux is None else {"selinux": escaped(node.selinux.label)}


def _capabilities(node: Node) -> dict[str, Value]:
    return {} if node.fcaps is None else {"capabilities": node.fcaps.data.hex()}


def _flags(node: Node, both: int) -> dict[str, Value]:
    found = node.entry.flags & both & _ENTRY_FLAGS
    if not found:
        return {}
    names = [str(flag.name).lower() for flag in FeatureFlags if found & flag]
    return {"flags": ",".join(names)}


def _project(node: Node) -> dict[str, Value]:
    return {} if node.project is None else {"project": node.project.id}


def _told(value: bytes) -> str:
    """Return a value as text; of a long one its length and its digest."""
    if len(value) <= _SHORT:
        return escaped(value)
    return f"{len(value)} bytes, sha256 {new_hash('sha256', value).hexdigest()}"
