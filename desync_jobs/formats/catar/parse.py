"""The body of one record to its value: everything that can be told without what is around it.

Source of the limits: casync's `caformat.h` and `cadecoder.c`, as told in its documentation and
found by giving it archives that break them.
"""

import re
import stat
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from desync_jobs.errors import ArchiveFormatError
from desync_jobs.formats.catar import records as r
from desync_jobs.formats.catar.encode import GOODBYE_MARKER
from desync_jobs.formats.catar.goodbye import ITEM_SIZE
from desync_jobs.formats.catar.records import HEADER_SIZE, NO_MASK, Record, RecordType

_NUMBERS: Final = 1 << 64
_NEGATIVE: Final = 1 << 63
_NAME: Final = 256
_LARGEST_MODE: Final = stat.S_IFMT(0xFFFF) | stat.S_IMODE(0xFFFF)
_ID_LIMIT: Final = (1 << 32) - 1
_NOBODY_OF_16_BITS: Final = 0xFFFF
_OWNER: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_-]*")
_XATTR: Final = re.compile(rb"[^.\0]+\.[^\0]+")
XATTR_LIMIT: Final = 65536
"""Bytes of the largest value of an extended attribute."""
# No file system has larger files.
_RECORD_LIMIT: Final = (1 << 63) - 1

LIMITS: Final[Mapping[RecordType, tuple[int, int]]] = MappingProxyType(
    {
        RecordType.ENTRY: (48, 48),
        RecordType.USER: (2, _NAME),
        RecordType.GROUP: (2, _NAME),
        # With the NUL that desync writes after the value.
        RecordType.XATTR: (4, _NAME + XATTR_LIMIT + 1),
        RecordType.ACL_USER: (16, 16 + _NAME),
        RecordType.ACL_GROUP: (16, 16 + _NAME),
        RecordType.ACL_GROUP_OBJ: (8, 8),
        RecordType.ACL_DEFAULT: (32, 32),
        RecordType.ACL_DEFAULT_USER: (16, 16 + _NAME),
        RecordType.ACL_DEFAULT_GROUP: (16, 16 + _NAME),
        RecordType.SELINUX: (2, 4096),
        RecordType.FCAPS: (1, 65536),
        RecordType.QUOTA_PROJECT: (8, 8),
        RecordType.SYMLINK: (2, 4096),
        RecordType.DEVICE: (16, 16),
        RecordType.PAYLOAD: (0, _RECORD_LIMIT - HEADER_SIZE),
        # No file system of Linux has longer names.
        RecordType.FILENAME: (2, _NAME),
        RecordType.GOODBYE: (ITEM_SIZE, _RECORD_LIMIT - HEADER_SIZE),
    }
)
"""The fewest and the most bytes of each record's body."""


_HEADER: Final = struct.Struct("<QQ")
_ENTRY: Final = struct.Struct("<6Q")
_TYPES: Final = {kind.value: (kind, *limits) for kind, limits in LIMITS.items()}
"""By the number: calling the class takes five times as long."""


def parse_header(header: bytes | memoryview, start: int = 0) -> tuple[RecordType, int]:
    """Return type and body size of the record at `start`; `ArchiveFormatError` for what is none."""
    size, number = _HEADER.unpack_from(header, start)
    known = _TYPES.get(number)
    if known is None:
        raise ArchiveFormatError(f"a record of the unknown type {number:#x}")
    kind, least, most = known
    if not least <= size - HEADER_SIZE <= most:
        raise ArchiveFormatError(f"a {kind.name} record of {size} bytes")
    return kind, size - HEADER_SIZE


def parse_body(kind: RecordType, body: bytes) -> Record:
    """Return the record of any type but `PAYLOAD`; `ArchiveFormatError` for what is none."""
    return _PARSERS[kind](body)


def as_meant(record: r.Xattr, *, from_desync: bool) -> r.Xattr:
    """Return an attribute without the NUL that desync puts after its value."""
    if not from_desync:
        if len(record.value) > XATTR_LIMIT:
            raise ArchiveFormatError("an XATTR record with a value that no file can have")
        return record
    if not record.value.endswith(b"\0"):
        raise ArchiveFormatError("an XATTR record without desync's NUL at its end")
    return r.Xattr(record.name, record.value[:-1])


def _entry(body: bytes) -> r.Entry:
    features, mode, flags, uid, gid, mtime = _ENTRY.unpack(body)
    if mode > _LARGEST_MODE:
        raise ArchiveFormatError(f"an ENTRY record with the mode {mode:#o}")
    if _is_nobody(uid):
        raise ArchiveFormatError(f"an ENTRY record with the owner {uid}")
    if _is_nobody(gid):
        raise ArchiveFormatError(f"an ENTRY record with the group {gid}")
    if mtime == _NUMBERS - 1:
        raise ArchiveFormatError("an ENTRY record with a time that stands for none")
    return r.Entry(
        features, mode, flags, uid, gid, mtime - _NUMBERS if mtime >= _NEGATIVE else mtime
    )


def _is_nobody(number: int) -> bool:
    return number >= _ID_LIMIT or number == _NOBODY_OF_16_BITS


def _text(kind: RecordType, body: bytes) -> bytes:
    """Return what stands before the NUL that ends `body`."""
    text = body[:-1]
    if body[-1] != 0 or b"\0" in text:
        raise ArchiveFormatError(f"a {kind.name} record whose text does not end with its only NUL")
    return text


def _owner_name(kind: RecordType, body: bytes) -> bytes:
    name = _text(kind, body)
    # Whoever has the ID 0 is root, which nothing needs to tell.
    if not _OWNER.fullmatch(name) or name == b"root":
        raise ArchiveFormatError(f"a {kind.name} record with the name {name!r}")
    return name


def _user(body: bytes) -> r.User:
    return r.User(_owner_name(RecordType.USER, body))


def _group(body: bytes) -> r.Group:
    return r.Group(_owner_name(RecordType.GROUP, body))


def _xattr(body: bytes) -> r.Xattr:
    name, nul, value = body.partition(b"\0")
    if not nul or len(name) >= _NAME or not _XATTR.fullmatch(name):
        raise ArchiveFormatError(f"an XATTR record with the name {name[:_NAME]!r}")
    return r.Xattr(name, value)


_Acl = TypeVar("_Acl", bound=r.AclName)


def _acl_name(kind: RecordType, make: Callable[[int, int, bytes | None], _Acl]) -> "_Parser":
    def parse(body: bytes) -> _Acl:
        number, permissions = struct.unpack_from("<QQ", body)
        if _is_nobody(number):
            raise ArchiveFormatError(f"a record {kind.name} with the ID {number}")
        _check_permissions(kind, permissions)
        name = _owner_name(kind, body[16:]) if len(body) > 16 else None  # noqa: PLR2004 -- two numbers
        return make(number, permissions, name)

    return parse


def _check_permissions(kind: RecordType, *permissions: int) -> None:
    for one in permissions:
        if one & ~7:
            raise ArchiveFormatError(f"a record {kind.name} with the permissions {one:#o}")


def _acl_group_obj(body: bytes) -> r.AclGroupObj:
    (permissions,) = struct.unpack("<Q", body)
    _check_permissions(RecordType.ACL_GROUP_OBJ, permissions)
    return r.AclGroupObj(permissions)


def _acl_default(body: bytes) -> r.AclDefault:
    user_obj, group_obj, other, mask = struct.unpack("<4Q", body)
    _check_permissions(RecordType.ACL_DEFAULT, user_obj, group_obj, other)
    if mask == NO_MASK:
        return r.AclDefault(user_obj, group_obj, other)
    _check_permissions(RecordType.ACL_DEFAULT, mask)
    return r.AclDefault(user_obj, group_obj, other, mask)


def _selinux(body: bytes) -> r.Selinux:
    return r.Selinux(_text(RecordType.SELINUX, body))


def _quota_project(body: bytes) -> r.QuotaProject:
    (number,) = struct.unpack("<Q", body)
    if not 0 < number <= _ID_LIMIT:
        raise ArchiveFormatError(f"a QUOTA_PROJECT record with the project {number}")
    return r.QuotaProject(number)


def _symlink(body: bytes) -> r.Symlink:
    return r.Symlink(_text(RecordType.SYMLINK, body))


def _device(body: bytes) -> r.Device:
    major, minor = struct.unpack("<QQ", body)
    if major >= 1 << 12 or minor >= 1 << 20:
        raise ArchiveFormatError(f"a DEVICE record with the numbers {major} and {minor}")
    return r.Device(major, minor)


def _filename(body: bytes) -> r.Filename:
    name = _text(RecordType.FILENAME, body)
    if name in (b".", b"..") or b"/" in name:
        raise ArchiveFormatError(f"the name {name!r}, which could lead out of its directory")
    return r.Filename(name)


def _goodbye(body: bytes) -> r.Goodbye:
    offset, size, marker = struct.unpack("<3Q", body[-ITEM_SIZE:])
    if len(body) % ITEM_SIZE or size != len(body) + HEADER_SIZE or marker != GOODBYE_MARKER:
        raise ArchiveFormatError("a GOODBYE record whose last item is not the mark of its end")
    return r.Goodbye(body[:-ITEM_SIZE], offset)


_Parser = Callable[[bytes], Record]
_PARSERS: Final[Mapping[RecordType, _Parser]] = MappingProxyType(
    {
        RecordType.ENTRY: _entry,
        RecordType.USER: _user,
        RecordType.GROUP: _group,
        RecordType.XATTR: _xattr,
        RecordType.ACL_USER: _acl_name(RecordType.ACL_USER, r.AclUser),
        RecordType.ACL_GROUP: _acl_name(RecordType.ACL_GROUP, r.AclGroup),
        RecordType.ACL_GROUP_OBJ: _acl_group_obj,
        RecordType.ACL_DEFAULT: _acl_default,
        RecordType.ACL_DEFAULT_USER: _acl_name(RecordType.ACL_DEFAULT_USER, r.AclDefaultUser),
        RecordType.ACL_DEFAULT_GROUP: _acl_name(RecordType.ACL_DEFAULT_GROUP, r.AclDefaultGroup),
        RecordType.SELINUX: _selinux,
        RecordType.FCAPS: r.Fcaps,
        RecordType.QUOTA_PROJECT: _quota_project,
        RecordType.SYMLINK: _symlink,
        RecordType.DEVICE: _device,
        RecordType.FILENAME: _filename,
        RecordType.GOODBYE: _goodbye,
    }
)
