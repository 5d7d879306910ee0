"""A member of a tar stream: everything that its headers say together."""

import base64
import binascii
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from desync_jobs.errors import TarFormatError
from desync_jobs.formats.tar.header import Header
from desync_jobs.formats.tar.pax import parse_decimal
from desync_jobs.formats.tar.sparse import Sparse

XATTR: Final = b"SCHILY.xattr."
ACCESS_LIST: Final = b"SCHILY.acl.access"
DEFAULT_LIST: Final = b"SCHILY.acl.default"
SELINUX: Final = b"RHT.security.selinux"
FILE_FLAGS: Final = b"SCHILY.fflags"
RICH_LIST: Final = b"SCHILY.acl.ace"

_LIBARCHIVE: Final = b"LIBARCHIVE.xattr."
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_FORMATS: Final[Mapping[bytes, int]] = MappingProxyType(
    {
        b"0": stat.S_IFREG,
        b"1": stat.S_IFREG,
        b"2": stat.S_IFLNK,
        b"3": stat.S_IFCHR,
        b"4": stat.S_IFBLK,
        b"5": stat.S_IFDIR,
        b"6": stat.S_IFIFO,
        b"7": stat.S_IFREG,
        b"D": stat.S_IFDIR,
        b"S": stat.S_IFREG,
    }
)
_WITH_CONTENT: Final = frozenset((b"0", b"7", b"D", b"S"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member is in its stream."""

    start: int
    """The first of its headers."""
    content: int
    """Its first stored byte."""
    stored: int
    """Bytes of content that the stream has."""
    end: int
    """What comes after it."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member."""

    place: Place
    path: bytes
    """As it is written, which may be absolute."""
    mode: int
    """`st_mode`, with the kind of file; of a hard link, that of a regular file."""
    hard_link: bool
    uid: int
    gid: int
    user: bytes
    group: bytes
    mtime_ns: int
    size: int
    """Bytes of a regular file, holes counted."""
    target: bytes
    major: int
    minor: int
    records: Mapping[bytes, bytes]
    """Of extended headers: what counts of each keyword."""
    sparse: Sparse | None = None

    def xattrs(self) -> dict[str, bytes]:
        """Return its extended attributes by name; `TarFormatError` where they make no sense."""
        found: dict[str, bytes] = {}
        for keyword, value in self.records.items():
            # bsdtar writes each attribute twice; the first form cannot have every name.
            if keyword.startswith(_LIBARCHIVE):
                name = _unescaped(keyword[len(_LIBARCHIVE) :])
                found[name] = _decoded(value)
            elif keyword.startswith(XATTR):
                found.setdefault(_unescaped(keyword[len(XATTR) :]), value)
        return found


def has_content(kind: bytes) -> bool:
    """Whether what a header tells as size follows it, for a type flag that is known.

    As POSIX has it: of links, directories and devices, the size means something else.
    """
    return kind in _WITH_CONTENT


def path_of(header: Header, long_name: bytes, records: Mapping[bytes, bytes]) -> bytes:
    """Return a member's path; `long_name` is what a block of GNU's tells."""
    return records.get(b"GNU.sparse.name") or records.get(b"path") or long_name or header.name


def member(
    header: Header,
    place: Place,
    names: tuple[bytes, bytes],
    mtime_ns: int,
    records: Mapping[bytes, bytes],
    sparse: Sparse | None,
) -> Member:
    """Put together what a header and the records that count for it say.

    `names` are its path, and its target where a block of GNU's tells that. A type flag that
    is not known is a `TarFormatError`.
    """
    path = names[0]
    target = records.get(b"linkpath") or names[1] or header.target
    kind = _FORMATS.get(header.kind)
    if kind is None:
        raise TarFormatError(
            f"a member {shown(path)} of the type {shown(header.kind)}, which is not known"
        )
    if header.kind == b"0" and path.endswith(b"/"):
        kind = stat.S_IFDIR
    return Member(
        place,
        path,
        kind | header.mode,
        header.kind == b"1",
        _number(records, b"uid", header.uid),
        _number(records, b"gid", header.gid),
        records.get(b"uname") or header.user,
        records.get(b"gname") or header.group,
        mtime_ns,
        place.stored if sparse is None else sparse.size,
        target,
        _number(records, b"SCHILY.devmajor", header.major),
        _number(records, b"SCHILY.devminor", header.minor),
        records,
        sparse,
    )


def shown(text: bytes) -> str:
    """Return a path as messages have it."""
    return repr(text.decode("utf-8", "surrogateescape"))


def _number(records: Mapping[bytes, bytes], keyword: bytes, otherwise: int) -> int:
    value = records.get(keyword)
    return parse_decimal(value, keyword.decode()) if value else otherwise


def escaped(name: bytes) -> bytes:
    """Return the name of an attribute as a keyword has it."""
    return name.replace(b"%", b"%25").replace(b"=", b"%3D")


def _unescaped(name: bytes) -> str:
    """Return the name of an attribute, where `%3D` stands for `=`."""
    plain = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), name)
    if not plain or b"\0" in plain:
        raise TarFormatError(f"an extended attribute with the name {plain[:40]!r}")
    return plain.decode("utf-8", "surrogateescape")


def _decoded(value: bytes) -> bytes:
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        raise TarFormatError("an extended attribute of bsdtar's that is not in base 64") from None
