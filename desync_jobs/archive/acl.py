"""Access lists as Linux keeps them in extended attributes, to the records of an archive and back.

The value is u32 version 2, then for each entry u16 tag, u16 permissions, u32 ID; see
linux/posix_acl_xattr.h.
"""

import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from desync_jobs.archive.names import NamesOf
from desync_jobs.archive.numbers import Numbers
from desync_jobs.errors import SourceError
from desync_jobs.formats.catar.node import NO_ACL, Acl
from desync_jobs.formats.catar.records import (
    AclDefault,
    AclDefaultGroup,
    AclDefaultUser,
    AclGroup,
    AclGroupObj,
    AclName,
    AclUser,
)

ACCESS: Final = "system.posix_acl_access"
DEFAULT: Final = "system.posix_acl_default"
VERSION: Final = struct.pack("<I", 2)
ENTRY: Final = struct.Struct("<HHI")


_NOBODY: Final = 0xFFFFFFFF
"""The ID of entries that are about nobody in particular."""


class Tag(IntEnum):
    """Whom an entry of a list is about."""

    USER_OBJ = 1
    USER = 2
    GROUP_OBJ = 4
    GROUP = 8
    MASK = 16
    OTHER = 32


@dataclass(frozen=True, slots=True)
class Lists:
    """The access lists of a file, as attributes have them."""

    access: bytes | None = None
    default: bytes | None = None


def acl_of(lists: Lists, names: NamesOf | None) -> Acl:
    """Return the records of access lists; `names` where those of users and groups are kept.

    Of the list that guards a file itself, the mode has the parts that are not here.
    """
    acl = NO_ACL
    if lists.access is not None:
        access = _parsed(lists.access)
        masked = Tag.MASK in access
        acl = Acl(
            tuple(AclUser(*one) for one in _named(access, Tag.USER, names)),
            tuple(AclGroup(*one) for one in _named(access, Tag.GROUP, names)),
            # Without a mask the group bits of the mode are this.
            AclGroupObj(_only(access, Tag.GROUP_OBJ)) if masked else None,
        )
    if lists.default is not None:
        default = _parsed(lists.default)
        acl = replace(
            acl,
            default=AclDefault(
                _only(default, Tag.USER_OBJ),
                _only(default, Tag.GROUP_OBJ),
                _only(default, Tag.OTHER),
                _only(default, Tag.MASK) if Tag.MASK in default else None,
            ),
            default_users=tuple(AclDefaultUser(*one) for one in _named(default, Tag.USER, names)),
            default_groups=tuple(
                AclDefaultGroup(*one) for one in _named(default, Tag.GROUP, names)
            ),
        )
    return acl


def lists_of(acl: Acl, mode: int, numbers: Numbers | None) -> Lists:
    """Return the lists that records stand for, on a file of `mode`; `numbers` where names win.

    Without named entries and a mask there is no list: the mode says everything.
    Raises `TargetError` for a name that nobody has.
    """
    user = None if numbers is None else numbers.user
    group = None if numbers is None else numbers.group
    access = None
    if acl.group_obj is not None:
        access = _packed(
            (mode >> 6 & 7, acl.group_obj.permissions, mode >> 3 & 7, mode & 7),
            _numbered(acl.users, user),
            _numbered(acl.groups, group),
        )
    if acl.default is None:
        return Lists(access)
    first = acl.default
    default = _packed(
        (first.user_obj, first.group_obj, first.mask, first.other),
        _numbered(acl.default_users, user),
        _numbered(acl.default_groups, group),
    )
    return Lists(access, default)


def _numbered(
    entries: Sequence[AclName], look: Callable[[bytes], int] | None
) -> list[tuple[int, int]]:
    """Return ID and permissions of each entry, by ID."""
    return sorted(
        (look(one.name) if look is not None and one.name is not None else one.id, one.permissions)
        for one in entries
    )


def _packed(
    plain: tuple[int, int, int | None, int],
    users: list[tuple[int, int]],
    groups: list[tuple[int, int]],
) -> bytes:
    """Return the attribute of a list; `plain` are owner, group, mask and others."""
    owner, group, mask, other = plain
    entries = [
        (Tag.USER_OBJ, owner, _NOBODY),
        *((Tag.USER, granted, number) for number, granted in users),
        (Tag.GROUP_OBJ, group, _NOBODY),
        *((Tag.GROUP, granted, number) for number, granted in groups),
        *([] if mask is None else [(Tag.MASK, mask, _NOBODY)]),
        (Tag.OTHER, other, _NOBODY),
    ]
    return VERSION + b"".join(ENTRY.pack(*entry) for entry in entries)


def permissions_of(value: bytes) -> int:
    """Return the lowest nine bits of the mode of a file that has this list."""
    entries = _parsed(value)
    group = Tag.MASK if Tag.MASK in entries else Tag.GROUP_OBJ
    owner, members, others = (_only(entries, tag) for tag in (Tag.USER_OBJ, group, Tag.OTHER))
    return owner << 6 | members << 3 | others


def entries_of(value: bytes) -> Iterator[tuple[int, int, int]]:
    """Return tag, permissions and ID of each entry; `SourceError` where it is no list."""
    if not value.startswith(VERSION) or (len(value) - len(VERSION)) % ENTRY.size:
        raise SourceError("its access list is not of the version that is known")
    return ENTRY.iter_unpack(value[len(VERSION) :])


def _parsed(value: bytes) -> dict[int, list[tuple[int, int]]]:
    """Return the IDs and permissions of each tag."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for tag, permissions, number in entries_of(value):
        found[tag].append((number, permissions))
    return dict(found)


def _only(entries: dict[int, list[tuple[int, int]]], tag: Tag) -> int:
    if len(entries.get(tag, ())) != 1:
        raise SourceError(f"its access list does not have one {tag.name}")
    return entries[tag][0][1]


def _named(
    entries: dict[int, list[tuple[int, int]]], tag: Tag, names: NamesOf | None
) -> list[tuple[int, int, bytes | None]]:
    """Return ID, permissions and name of each entry, by ID."""
    if names is None:
        return [(number, granted, None) for number, granted in sorted(entries.get(tag, ()))]
    look = names.user if tag is Tag.USER else names.group
    return [(number, granted, look(number)) for number, granted in sorted(entries.get(tag, ()))]
