"""The records of an archive: one value for each, and how they are told apart.

Every record is u64 size with the 16 bytes of its header, u64 type, body; little-endian, without
padding. Names, targets and labels are bytes without the NUL that ends them in the archive.
Source: casync's `caformat.h`, as told in its documentation and seen in archives it made.

They are tuples, because there are many: one is made in a fifth of the time that a dataclass takes,
and its class in a sixth. Those of different types may be equal: compare only those of one type.
"""

from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

HEADER_SIZE: Final = 16
NO_MASK: Final = (1 << 64) - 1
"""What stands for the mask of an `AclDefault` that has none."""


class RecordType(IntEnum):
    """What a record is."""

    # Of the number: that of the name takes a call, in tables that every record is looked up in.
    __hash__ = int.__hash__

    ENTRY = 0x1396FABCEA5BBB51
    USER = 0xF453131AAEEACCB3
    GROUP = 0x25EB6AC969396A52
    XATTR = 0xB8157091F80BC486
    ACL_USER = 0x297DC88B2EF12FAF
    ACL_GROUP = 0x36F2ACB56CB3DD0B
    ACL_GROUP_OBJ = 0x23047110441F38F3
    ACL_DEFAULT = 0xFE3EEDA6823C8CD0
    ACL_DEFAULT_USER = 0xBDF03DF9BD010A91
    ACL_DEFAULT_GROUP = 0xA0CB1168782D1F51
    SELINUX = 0x46FAF0602FD26C59
    FCAPS = 0xF7267DB0AFED0629
    QUOTA_PROJECT = 0x161BAF2D8772A72B
    SYMLINK = 0x664A6FB6830E0D6C
    DEVICE = 0xAC3DACE369DFE643
    PAYLOAD = 0x8B9E1D93D6DCFFC9
    FILENAME = 0x6DBB6EBCB3161F0B
    GOODBYE = 0xDFD35C5E8327C403


class Entry(NamedTuple):
    """What every file, directory and node of a tree begins with."""

    feature_flags: int
    """`FeatureFlags`; the same in all entries of an archive."""
    mode: int
    """`st_mode`, with the kind of file."""
    flags: int
    """Attributes of `chattr` and of FAT, as the bits that `FeatureFlags` has for them."""
    uid: int
    gid: int
    mtime_ns: int
    """Nanoseconds since 1970, below 0 before it: -2^63+1 to 2^63-1, and never -1."""


class User(NamedTuple):
    """The owner's name."""

    name: bytes


class Group(NamedTuple):
    """The group's name."""

    name: bytes


class Xattr(NamedTuple):
    """An extended attribute; the name with its `user.` or `trusted.`."""

    name: bytes
    value: bytes


class AclUser(NamedTuple):
    """What an access list grants one user."""

    id: int
    permissions: int
    """4 to read, 2 to write, 1 to execute."""
    name: bytes | None = None


class AclGroup(NamedTuple):
    """What an access list grants one group."""

    id: int
    permissions: int
    name: bytes | None = None


class AclGroupObj(NamedTuple):
    """What an access list grants the file's group; the group bits of its mode are the mask."""

    permissions: int


class AclDefault(NamedTuple):
    """The beginning of the access list that new files of a directory get."""

    user_obj: int
    group_obj: int
    other: int
    mask: int | None = None


class AclDefaultUser(NamedTuple):
    """What the list for new files grants one user."""

    id: int
    permissions: int
    name: bytes | None = None


class AclDefaultGroup(NamedTuple):
    """What the list for new files grants one group."""

    id: int
    permissions: int
    name: bytes | None = None


class Selinux(NamedTuple):
    """The SELinux label."""

    label: bytes


class Fcaps(NamedTuple):
    """The capabilities of a program: the value of `security.capability`."""

    data: bytes


class QuotaProject(NamedTuple):
    """The project whose quota a file counts against; never 0."""

    id: int


class Symlink(NamedTuple):
    """Where a symbolic link points."""

    target: bytes


class Device(NamedTuple):
    """Which device a device node is."""

    major: int
    minor: int


class Payload(NamedTuple):
    """The beginning of a regular file's content; its `size` bytes follow."""

    size: int


class Filename(NamedTuple):
    """The name of the directory's entry that follows."""

    name: bytes


class Goodbye(NamedTuple):
    """The end of a directory, with the table that finds its entries; see `goodbye.py`."""

    table: bytes
    """24 bytes for each name, as `goodbye.goodbye_table` makes them."""
    entry_offset: int
    """Bytes from the start of the directory's entry to the start of this record."""


AclName: TypeAlias = AclUser | AclGroup | AclDefaultUser | AclDefaultGroup
"""What an access list grants somebody who has an ID."""

Record: TypeAlias = (
    Entry
    | User
    | Group
    | Xattr
    | AclName
    | AclGroupObj
    | AclDefault
    | Selinux
    | Fcaps
    | QuotaProject
    | Symlink
    | Device
    | Payload
    | Filename
    | Goodbye
)
"""Any record."""
