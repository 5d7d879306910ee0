"""What a tree has and an archive cannot have: counted, with one example of each kind."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from desync_jobs.report.words import counted


@dataclass(slots=True)
class _Kind:
    count: int
    example: bytes


class Unkept:
    """Extended attributes and other things that have no place where they would go."""

    def __init__(self, where: str = "an archive") -> None:
        self._where = where
        self._kinds: dict[str, _Kind] = {}

    def add(self, what: str, name: bytes) -> None:
        """Count something of the file called `name`, which comes after the words of `what`."""
        kind = self._kinds.setdefault(what, _Kind(0, name))
        kind.count += 1

    def messages(self) -> Iterator[str]:
        """Say for each kind what was left out."""
        for what, kind in sorted(self._kinds.items()):
            others = "" if kind.count == 1 else f" and {counted(kind.count - 1, 'other')}"
            name = os.fsdecode(kind.example)
            yield f"{what} {name!r}{others} has no place in {self._where}"
