"""A member of a tar stream, as its archive is going to tell of it."""

import stat
from functools import cached_property
from typing import Final

from desync_jobs.archive.acl import ACCESS, DEFAULT, permissions_of
from desync_jobs.archive.acl_text import NamedIds, parse_acl
from desync_jobs.archive.flag_words import FLAG_WORDS
from desync_jobs.archive.metadata import SELINUX, Metadata
from desync_jobs.archive.names import is_kept
from desync_jobs.errors import SourceError
from desync_jobs.formats.catar.node import Body
from desync_jobs.formats.catar.records import Device, Payload, Symlink
from desync_jobs.formats.tar import member as tar
from desync_jobs.formats.tar.member import Member

_FLAGGED: Final = {stat.S_IFREG, stat.S_IFDIR}
_ROOT: Final = b"root"
_LISTS: Final = {ACCESS: tar.ACCESS_LIST, DEFAULT: tar.DEFAULT_LIST}


class TarFile:
    """One member; what `metadata` asks for and has no place in an archive is counted there."""

    def __init__(self, name: bytes, member: Member, metadata: Metadata) -> None:
        self.name = name
        self._member = member
        self._unkept = metadata.unkept
        self._wants_lists = metadata.wants_lists
        self._wants_flags = metadata.wants_flags
        self._named = NamedIds()

    @cached_property
    def mode(self) -> int:
        """`st_mode` of the file that has its access list; bsdtar writes another one."""
        mode = self._member.mode
        value = self._attributes.get(ACCESS) if self._wants_lists else None
        if value is None or stat.S_ISLNK(mode):
            return mode
        return mode & ~0o777 | permissions_of(value)

    @property
    def owner(self) -> tuple[int, int]:
        return self._member.uid, self._member.gid

    @property
    def mtime_ns(self) -> int:
        return self._member.mtime_ns

    @cached_property
    def flags(self) -> int:
        """Its attributes of `chattr`, as bits of an archive."""
        found = 0
        for word in self._member.records.get(tar.FILE_FLAGS, b"").split(b","):
            flag = FLAG_WORDS.get(word)
            if flag is not None and stat.S_IFMT(self._member.mode) in _FLAGGED:
                found |= flag
            elif word and self._wants_flags:
                self._unkept.add(f"the file flag {word.decode('utf-8', 'replace')} of", self.name)
        return found

    def attributes(self) -> list[str]:
        return list(self._attributes)

    def attribute(self, name: str) -> bytes:
        return self._attributes[name]

    def project(self) -> int:
        return 0

    def body(self) -> Body:
        member = self._member
        if stat.S_ISREG(member.mode):
            return Payload(member.size)
        if stat.S_ISLNK(member.mode):
            return Symlink(member.target)
        if stat.S_ISBLK(member.mode) or stat.S_ISCHR(member.mode):
            return Device(member.major, member.minor)
        return None

    def user(self, number: int) -> bytes | None:
        """Return what the stream calls a user; None for what no archive holds."""
        told = self._member.user if number == self._member.uid else b""
        return self._kept(number, told or self._named.users.get(number, b""))

    def group(self, number: int) -> bytes | None:
        """Return what the stream calls a group, in the same way."""
        told = self._member.group if number == self._member.gid else b""
        return self._kept(number, told or self._named.groups.get(number, b""))

    def _kept(self, number: int, name: bytes) -> bytes | None:
        if not name or not number:
            return None
        if is_kept(name) and name != _ROOT:
            return name
        self._unkept.add(f"the owner's name {name[:80]!r} of", self.name)
        return None

    @cached_property
    def _attributes(self) -> dict[str, bytes]:
        records = self._member.records
        found = self._member.xattrs()
        for attribute, keyword in _LISTS.items():
            if keyword in records and self._wants_lists:
                self._add_list(found, attribute, records[keyword])
        if tar.RICH_LIST in records and self._wants_lists:
            self._unkept.add("the access list of NFS of", self.name)
        if tar.SELINUX in records:
            found[SELINUX] = records[tar.SELINUX]
        return found

    def _add_list(self, found: dict[str, bytes], attribute: str, text: bytes) -> None:
        try:
            found[attribute] = parse_acl(text, self._named)
        except SourceError:
            # The attribute itself says the same, without names that this machine may not know.
            if attribute not in found:
                raise
