"""Numbers of users and groups, each looked up by its name once."""

import grp
import pwd
from collections.abc import Callable

from desync_jobs.errors import TargetError


class Numbers:
    """What numbers a machine has for names of users and groups."""

    def __init__(self) -> None:
        self._users: dict[bytes, int] = {}
        self._groups: dict[bytes, int] = {}

    def user(self, name: bytes) -> int:
        """Return a user's number; `TargetError` for nobody known."""
        return _found(self._users, name, "user", lambda text: pwd.getpwnam(text).pw_uid)

    def group(self, name: bytes) -> int:
        """Return a group's number, in the same way."""
        return _found(self._groups, name, "group", lambda text: grp.getgrnam(text).gr_gid)


def _found(known: dict[bytes, int], name: bytes, kind: str, look: Callable[[str], int]) -> int:
    if name not in known:
        try:
            known[name] = look(name.decode())
        except KeyError:
            raise TargetError(
                f"the {kind} {name.decode()!r} of the archive is not known here; create it, or go "
                "by numbers: leave out user-names (without_features, --without)"
            ) from None
    return known[name]
