"""Access lists in words, as tar streams have them, to those that attributes have.

    user::rw-
    user:alice:r--:1000
    mask::r--

Entries are in lines or between commas. bsdtar adds the number to a name, GNU tar does not.
Source: acl(5), "ACL text forms"; libarchive's `archive_acl.c`, as seen in streams of bsdtar.
"""

import grp
import pwd
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from desync_jobs.archive.acl import ENTRY, VERSION, Tag, entries_of
from desync_jobs.errors import SourceError

_SEPARATOR: Final = re.compile(rb"[,\n]")
_PERMISSIONS: Final = re.compile(rb"([r-])([w-])([x-])")
_NUMBER: Final = re.compile(rb"[0-9]{1,10}")
_NOBODY: Final = 0xFFFFFFFF
_LARGEST: Final = 0xFFFFFFFE
_TAGS: Final[Mapping[bytes, tuple[Tag, Tag | None]]] = MappingProxyType(
    {
        b"user": (Tag.USER_OBJ, Tag.USER),
        b"group": (Tag.GROUP_OBJ, Tag.GROUP),
        b"mask": (Tag.MASK, None),
        b"other": (Tag.OTHER, None),
    }
)
_SHORT: Final = {name[:1]: name for name in _TAGS}
_LOOK_UP: Final[Mapping[Tag, Callable[[str], int]]] = MappingProxyType(
    {
        Tag.USER: lambda name: pwd.getpwnam(name).pw_uid,
        Tag.GROUP: lambda name: grp.getgrnam(name).gr_gid,
    }
)


@dataclass(slots=True)
class NamedIds:
    """What lists call the numbers in them."""

    users: dict[int, bytes] = field(default_factory=dict)
    groups: dict[int, bytes] = field(default_factory=dict)


def parse_acl(text: bytes, names: NamedIds) -> bytes:
    """Return the value of the attribute that is the list in `text`; adds to `names`.

    Raises `SourceError` for what is no list, and for a name that only this machine could know.
    """
    entries = [
        _entry(line, names)
        for part in _SEPARATOR.split(text)
        if (line := part.partition(b"#")[0].strip())
    ]
    return VERSION + b"".join(ENTRY.pack(*entry) for entry in sorted(entries))


def acl_text(value: bytes, names: NamedIds) -> bytes:
    """Return in words the list that an attribute is; `SourceError` where it is none.

    Who has no name is told by number, which both programs know.
    """
    return b",".join(_words(*entry, names) for entry in entries_of(value))


def _words(tag: int, granted: int, number: int, names: NamedIds) -> bytes:
    letters = b"".join(
        bytes([letter]) if granted & bit else b"-"
        for bit, letter in zip((4, 2, 1), b"rwx", strict=True)
    )
    word = next((word for word, tags in _TAGS.items() if tag in tags), None)
    if word is None:
        raise SourceError(f"its access list has an entry of the unknown kind {tag}")
    if tag not in (Tag.USER, Tag.GROUP):
        return word + b"::" + letters
    name = (names.users if tag == Tag.USER else names.groups).get(number)
    if name is None:
        return b"%s:%d:%s" % (word, number, letters)
    return b"%s:%s:%s:%d" % (word, name, letters, number)


def _entry(line: bytes, names: NamedIds) -> tuple[int, int, int]:
    tag_name, *rest = line.split(b":")
    plain, named = _TAGS.get(_SHORT.get(tag_name, tag_name), (None, None))
    # Solaris leaves out the empty name.
    if len(rest) == 1 and named is None:
        rest = [b"", *rest]
    match = _PERMISSIONS.fullmatch(rest[1]) if len(rest) in (2, 3) else None
    if plain is None or match is None or (rest[0] and named is None):
        raise SourceError(f"its access list has {line[:80]!r}, which is none of its entries")
    permissions = sum(
        bit for bit, letter in zip((4, 2, 1), match.groups(), strict=True) if letter != b"-"
    )
    if not rest[0] or named is None:
        return plain, permissions, _NOBODY
    number = _number(named, rest[0], rest[2] if len(rest) == 3 else b"")  # noqa: PLR2004 -- name, permissions, number
    if _NUMBER.fullmatch(rest[0]) is None:
        (names.users if named is Tag.USER else names.groups)[number] = rest[0]
    return named, permissions, number


def _number(tag: Tag, name: bytes, told: bytes) -> int:
    for digits in (told, name):
        if _NUMBER.fullmatch(digits):
            return _checked(int(digits))
    try:
        return _LOOK_UP[tag](name.decode("utf-8", "surrogateescape"))
    except (KeyError, ValueError):
        raise SourceError(
            f"its access list names {name[:80]!r}, who is not known here; make them known, or "
            "leave out acl"
        ) from None


def _checked(number: int) -> int:
    if number > _LARGEST:
        raise SourceError(f"its access list has the number {number}, which is nobody's")
    return number
