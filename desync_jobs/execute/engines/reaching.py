"""Whether directories of this machine are there on another one, and are the same.

Processes under one kernel compare device and inode, whatever the path is called in each of their
containers. Others look for a file with a name that nobody guesses, which is there for the run.
"""

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"


@dataclass(frozen=True, slots=True)
class Reached:
    """A directory as it was seen where the run was started."""

    place: str
    """How messages call it: `store NAME`."""
    path: str
    """Absolute: the directory, or the nearest above it where it is made later."""
    device: int
    inode: int
    kernel: str
    """Changes with every start of a machine."""
    token: str | None = None
    """The name of a file in it, where one could be written and is needed."""

    def unlike(self) -> str | None:
        """Say in words why what is here under that path is another directory; None where it is not.

        Errors name the path, and not this machine.
        """
        where = f"{self.place}: the directory {self.path}"
        try:
            found = os.stat(self.path)
        except OSError as error:
            return f"{where} cannot be reached: {error.strerror}"
        if self.kernel == kernel_id():
            same = (found.st_dev, found.st_ino) == (self.device, self.inode)
        elif self.token is None:
            return (
                f"{where} cannot be told from another of that name: nothing can be written into it"
            )
        else:
            same = os.path.lexists(os.path.join(self.path, self.token))
        return None if same else f"{where} is another one there"


def kernel_id() -> str:
    """Return what tells this running kernel from every other; empty where that is not known."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def reached(place: str, path: str) -> Reached:
    """Look at a directory, or at the one it will be made in."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    found = os.stat(path)
    return Reached(place, path, found.st_dev, found.st_ino, kernel_id())


@contextmanager
def tokens_in(directories: Iterable[Reached]) -> Iterator[list[Reached]]:
    """Yield `directories` with a file in each that can be written to; they are gone afterwards."""
    with ExitStack() as placed:
        yield [_with_token(one, placed) for one in directories]


def _with_token(directory: Reached, placed: ExitStack) -> Reached:
    token = f".desync-run-{secrets.token_hex(16)}"
    path = os.path.join(directory.path, token)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError:
        return directory
    placed.callback(_remove, path)
    return replace(directory, token=token)


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
