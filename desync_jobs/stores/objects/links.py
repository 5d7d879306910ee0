"""The way to a directory below another one, by links or without."""

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Way:
    """A way down from `root`; all paths are absolute and without links."""

    root: str
    passed: tuple[str, ...] = ()
    """The directories on the way, the last one being where it ends."""
    linked: bool = False
    """Whether a link was followed."""

    @property
    def end(self) -> str:
        """The directory where it ends."""
        return self.passed[-1] if self.passed else self.root

    @property
    def is_new(self) -> bool:
        """Whether it does not end where it has already been, so that it may go on."""
        return self.end != self.root and self.end not in self.passed[:-1]

    @property
    def name(self) -> str:
        """The name of its end below the root; empty where that is not below it."""
        inside = os.path.relpath(self.end, self.root)
        return "" if inside == "." or inside.startswith("../") or inside == ".." else inside

    def into(self, name: str) -> Self:
        """Go on into a directory that is no link."""
        return type(self)(self.root, (*self.passed, os.path.join(self.end, name)), self.linked)

    def jump(self, path: str) -> Self:
        """Go on to where a link leads."""
        return type(self)(self.root, (*self.passed, path), linked=True)

    def through(self, folder: str) -> Self:
        """Go on into directories one in the other, as `a/b`."""
        way = self
        for name in folder.split("/") if folder else ():
            way = way.into(name)
        return way

    def name_of(self, name: str) -> str | None:
        """Return what a file at the end is called below the root; None where no link led there."""
        return self.into(name).name if self.linked else None
