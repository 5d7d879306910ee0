"""`.caexclude`: files in the tree that say what no archive gets, as casync reads them.

One pattern a line; blank lines and those that begin with `#` say nothing. A pattern with a slash
counts from the file's own directory, one without also in every directory below. One with a slash at
its end is for directories alone. `!` before a pattern keeps what it matches, whatever others say.
Patterns are those of fnmatch(3) in the C locale, where no wildcard matches a dot at the beginning.
"""

import ctypes
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from desync_jobs.errors import SourceError

EXCLUDE_FILE: Final = ".caexclude"
SIZE_LIMIT: Final = 1 << 20
"""Bytes of the largest exclude file."""
_PERIOD: Final = 4
_NO_MATCH: Final = 1
_LC_ALL_MASK: Final = 0x1FBF


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern, as it stands in one directory."""

    parts: tuple[bytes, ...]
    """A pattern for each component of the path that is left."""
    keeps: bool
    """Whether it says what is kept, and not what is left out."""
    anchored: bool
    """Whether it counts from this directory alone."""
    directories_only: bool


class Exclusion:
    """What is left out of one directory."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules = tuple(dict.fromkeys(rules))

    def extended(self, rules: Iterable[Rule]) -> "Exclusion":
        """Return this with the `rules` of a directory's own file."""
        return Exclusion((*self._rules, *rules))

    def excludes(self, name: bytes, *, directory: bool) -> bool:
        """Return whether the archive does not get the entry called `name`."""
        excluded = False
        for rule in self._rules:
            last = len(rule.parts) == 1 and (directory or not rule.directories_only)
            if last and _matches(rule.parts[0], name):
                if rule.keeps:
                    return False
                excluded = True
        return excluded

    def below(self, name: bytes) -> "Exclusion":
        """Return what is left out of the directory called `name`."""
        if not self._rules:
            return self
        return Exclusion(
            [rule for rule in self._rules if not rule.anchored]
            + [
                Rule(
                    rule.parts[1:],
                    rule.keeps,
                    anchored=True,
                    directories_only=rule.directories_only,
                )
                for rule in self._rules
                if len(rule.parts) > 1 and _matches(rule.parts[0], name)
            ]
        )


NOTHING_EXCLUDED: Final = Exclusion()


def read_rules(folder: int) -> list[Rule]:
    """Return the rules of the exclude file in an open directory.

    Raises `SourceError` where it cannot be read, and where it says what means nothing.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        fd = os.open(EXCLUDE_FILE, flags, dir_fd=folder)
        try:
            text = os.read(fd, SIZE_LIMIT + 1)
        finally:
            os.close(fd)
    except OSError as error:
        raise SourceError(f"its {EXCLUDE_FILE} cannot be read: {error.strerror}") from error
    if len(text) > SIZE_LIMIT:
        raise SourceError(f"its {EXCLUDE_FILE} has more than {SIZE_LIMIT} bytes")
    return parse_rules(text)


def parse_rules(text: bytes) -> list[Rule]:
    """Return the rules of an exclude file's text."""
    stripped = (line.strip(b" \t\r") for line in text.split(b"\n"))
    return [_rule(line) for line in stripped if line and not line.startswith(b"#")]


def _rule(line: bytes) -> Rule:
    keeps = line.startswith(b"!")
    pattern = line[1:] if keeps else line
    parts = tuple(part for part in pattern.split(b"/") if part)
    if not parts or not {b".", b".."}.isdisjoint(parts):
        raise SourceError(
            f"its {EXCLUDE_FILE} has {os.fsdecode(line)!r}, which names nothing below its directory"
        )
    return Rule(parts, keeps, b"/" in pattern, pattern.endswith(b"/"))


def _matches(pattern: bytes, name: bytes) -> bool:
    libc = ctypes.CDLL(None)
    libc.newlocale.restype = libc.uselocale.restype = ctypes.c_void_p
    libc.uselocale.argtypes = libc.freelocale.argtypes = [ctypes.c_void_p]
    # This thread alone reads bytes as bytes, whatever the user's locale makes of them.
    plain = libc.newlocale(_LC_ALL_MASK, b"C", None)
    before = libc.uselocale(plain)
    try:
        return bool(libc.fnmatch(pattern, name, _PERIOD) != _NO_MATCH)
    finally:
        libc.uselocale(before)
        libc.freelocale(plain)
