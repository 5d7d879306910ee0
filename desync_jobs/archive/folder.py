"""The open directory of a walk, and what of it an archive leaves out by its name alone."""

import os
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from desync_jobs.archive.exclude import EXCLUDE_FILE, NOTHING_EXCLUDED, Exclusion, read_rules
from desync_jobs.archive.filesystem import Attributes
from desync_jobs.formats.flags import FeatureFlags

_EXCLUDE_FILE: Final = os.fsencode(EXCLUDE_FILE)

Listed: TypeAlias = tuple[bytes, "os.DirEntry[str]"]
"""A name in a directory, and what is known of it."""


@dataclass(slots=True)
class Folder:
    """A directory on the way."""

    fd: int
    path: bytes
    """For messages."""
    entries: list[Listed] = field(default_factory=list)
    """All that it has, by the bytes of their names."""
    taken: int = 0
    """How many of them were visited."""
    exclusion: Exclusion = NOTHING_EXCLUDED
    file_system: int = 0
    """The kind of file system it is on."""
    device: int = 0
    patience: int = 4
    """How often somebody else may try to read what comes next, to no avail."""

    def take(self) -> Listed | None:
        """Return the entry that comes next; None where there are no more."""
        if self.taken == len(self.entries):
            return None
        self.taken += 1
        return self.entries[self.taken - 1]


class Contents:
    """What archives with some features have of directories."""

    def __init__(self, features: FeatureFlags) -> None:
        self._exclude_file = bool(features & FeatureFlags.EXCLUDE_FILE)
        self.excludes_submounts = bool(features & FeatureFlags.EXCLUDE_SUBMOUNTS)
        self.excludes_nodump = bool(features & FeatureFlags.EXCLUDE_NODUMP)
        """Whether files with the attribute `d` of `chattr` are left out: the walk asks for that."""
        self.attributes = Attributes()

    def list(self, folder: Folder, exclusion: Exclusion) -> None:
        """Find the entries of a directory, of which `exclusion` is known from those above it.

        `OSError` where it cannot be read, `SourceError` for rules that cannot be understood.
        """
        with os.scandir(folder.fd) as listing:
            # No two of them have the same name.
            folder.entries = sorted((os.fsencode(one.name), one) for one in listing)
        folder.exclusion = exclusion
        if self._exclude_file and any(name == _EXCLUDE_FILE for name, _ in folder.entries):
            folder.exclusion = exclusion.extended(read_rules(folder.fd))

    def leave_out(self, folder: Folder, name: bytes, *, directory: bool) -> bool:
        """Tell whether rules exclude an entry, or something else is mounted there."""
        if folder.exclusion.excludes(name, directory=directory):
            return True
        return self.excludes_submounts and self.attributes.mounted(folder.fd, name)
