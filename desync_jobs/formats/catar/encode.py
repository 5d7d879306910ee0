"""Records to bytes.

Nothing is checked here: who makes records from a file system knows what it found, and the
decoder refuses what is wrong.
"""

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from desync_jobs.formats.catar import records as r
from desync_jobs.formats.catar.records import HEADER_SIZE, NO_MASK, Record, RecordType

_HEADER: Final = struct.Struct("<QQ")
_ENTRY: Final = struct.Struct("<8Q")
_ONE: Final = struct.Struct("<3Q")
_TWO: Final = struct.Struct("<4Q")
_FOUR: Final = struct.Struct("<6Q")
_TAIL: Final = struct.Struct("<3Q")
_NUMBERS: Final = 1 << 64

GOODBYE_MARKER: Final = 0x57446FA533702943
"""The last eight bytes of every directory."""


def encode(record: Record) -> bytes:
    """Return the bytes of a record; of a `Payload` its header, which the content follows."""
    return _ENCODERS[type(record)](record)


def _entry(record: r.Entry) -> bytes:
    return _ENTRY.pack(
        _ENTRY.size,
        RecordType.ENTRY,
        record.feature_flags,
        record.mode,
        record.flags,
        record.uid,
        record.gid,
        record.mtime_ns % _NUMBERS,
    )


def _framed(kind: RecordType, *parts: bytes) -> bytes:
    size = HEADER_SIZE + sum(map(len, parts))
    return b"".join((_HEADER.pack(size, kind), *parts))


def _user(record: r.User) -> bytes:
    return _framed(RecordType.USER, record.name, b"\0")


def _group(record: r.Group) -> bytes:
    return _framed(RecordType.GROUP, record.name, b"\0")


def _xattr(record: r.Xattr) -> bytes:
    return _framed(RecordType.XATTR, record.name, b"\0", record.value)


def _acl_name(kind: RecordType) -> Callable[[r.AclName], bytes]:
    def encode_name(record: r.AclName) -> bytes:
        name = b"" if record.name is None else record.name + b"\0"
        return _TWO.pack(_TWO.size + len(name), kind, record.id, record.permissions) + name

    return encode_name


def _acl_group_obj(record: r.AclGroupObj) -> bytes:
    return _ONE.pack(_ONE.size, RecordType.ACL_GROUP_OBJ, record.permissions)


def _acl_default(record: r.AclDefault) -> bytes:
    mask = NO_MASK if record.mask is None else record.mask
    kind = RecordType.ACL_DEFAULT
    return _FOUR.pack(_FOUR.size, kind, record.user_obj, record.group_obj, record.other, mask)


def _selinux(record: r.Selinux) -> bytes:
    return _framed(RecordType.SELINUX, record.label, b"\0")


def _fcaps(record: r.Fcaps) -> bytes:
    return _framed(RecordType.FCAPS, record.data)


def _quota_project(record: r.QuotaProject) -> bytes:
    return _ONE.pack(_ONE.size, RecordType.QUOTA_PROJECT, record.id)


def _symlink(record: r.Symlink) -> bytes:
    return _framed(RecordType.SYMLINK, record.target, b"\0")


def _device(record: r.Device) -> bytes:
    return _TWO.pack(_TWO.size, RecordType.DEVICE, record.major, record.minor)


def _payload(record: r.Payload) -> bytes:
    return _HEADER.pack(HEADER_SIZE + record.size, RecordType.PAYLOAD)


def _filename(record: r.Filename) -> bytes:
    return _framed(RecordType.FILENAME, record.name, b"\0")


def _goodbye(record: r.Goodbye) -> bytes:
    size = HEADER_SIZE + len(record.table) + _TAIL.size
    tail = _TAIL.pack(record.entry_offset, size, GOODBYE_MARKER)
    return _framed(RecordType.GOODBYE, record.table, tail)


_ENCODERS: Final[Mapping[type[Record], Callable[[Any], bytes]]] = MappingProxyType(
    {
        r.Entry: _entry,
        r.User: _user,
        r.Group: _group,
        r.Xattr: _xattr,
        r.AclUser: _acl_name(RecordType.ACL_USER),
        r.AclGroup: _acl_name(RecordType.ACL_GROUP),
        r.AclGroupObj: _acl_group_obj,
        r.AclDefault: _acl_default,
        r.AclDefaultUser: _acl_name(RecordType.ACL_DEFAULT_USER),
        r.AclDefaultGroup: _acl_name(RecordType.ACL_DEFAULT_GROUP),
        r.Selinux: _selinux,
        r.Fcaps: _fcaps,
        r.QuotaProject: _quota_project,
        r.Symlink: _symlink,
        r.Device: _device,
        r.Payload: _payload,
        r.Filename: _filename,
        r.Goodbye: _goodbye,
    }
)
