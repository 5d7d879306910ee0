"""What a place of objects needs of a library that does one thing at a time, and waits."""

from typing import NamedTuple, Protocol

from desync_jobs.stores.objects.base import ObjectEntry, TooLarge
from desync_jobs.stores.objects.links import Way


class Step(NamedTuple):
    """A part of a listing that one request answers."""

    prefix: str
    token: str = ""
    way: Way | None = None
    """How the directory `prefix` was reached, where there are links."""


class Files(Protocol):
    """What a place of objects needs of a file system; names are below the place."""

    def read(self, name: str, limit: int) -> bytes | TooLarge | None:
        """Return a file of at most `limit` bytes; None where there is none."""
        ...

    def size(self, name: str) -> int | None:
        """Return the size of a file, -1 where it is not told; None where there is no file."""
        ...

    def write(self, name: str, data: bytes, content_type: str) -> None:
        """Write a file, with the directories that are missing above it."""
        ...

    def create(self, name: str, data: bytes, content_type: str) -> bool:
        """Write a file in the same way where there is none; tells whether it was written."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""
        ...

    def first_step(self, prefix: str) -> Step:
        """Return where the listing of names that begin with `prefix` begins."""
        ...

    def step(self, step: Step) -> tuple[list[ObjectEntry], list[Step]]:
        """Return some entries, also of other names, and the steps that are left after them."""
        ...
