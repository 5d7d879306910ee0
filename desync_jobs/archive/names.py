"""Names of users and groups, each looked up once."""

import grp
import pwd
import re
from collections.abc import Callable
from typing import Final, Protocol

_GRAMMAR: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_-]{0,254}")


class NamesOf(Protocol):
    """What numbers of users and groups are called, by whoever."""

    def user(self, number: int) -> bytes | None:
        """Return a user's name; None for root, for nobody known, and for what no archive holds."""
        ...

    def group(self, number: int) -> bytes | None:
        """Return a group's name, in the same way."""
        ...


def is_kept(name: bytes) -> bool:
    """Whether an archive can hold this name of a user or group."""
    return _GRAMMAR.fullmatch(name) is not None


class Names:
    """What a machine calls the numbers of its users and groups."""

    def __init__(self) -> None:
        self._users: dict[int, bytes | None] = {0: None}
        self._groups: dict[int, bytes | None] = {0: None}

    def user(self, number: int) -> bytes | None:
        """Return a user's name; None for root, for nobody known, and for what no archive holds."""
        return _found(self._users, number, lambda: pwd.getpwuid(number).pw_name)

    def group(self, number: int) -> bytes | None:
        """Return a group's name, in the same way."""
        return _found(self._groups, number, lambda: grp.getgrgid(number).gr_name)


def _found(known: dict[int, bytes | None], number: int, look: Callable[[], str]) -> bytes | None:
    if number not in known:
        try:
            name = look().encode("utf-8", "surrogateescape")
        except KeyError:
            name = b""
        known[number] = name if is_kept(name) else None
    return known[number]
