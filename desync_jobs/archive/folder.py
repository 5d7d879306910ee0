"""The open directory of a walk, and what of it an archive leaves out by its name alone."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from desync_jobs.archive.exclude import EXCLUDE_FILE, NOTHING_EXCLUDED, Exclusion, read_rules
from desync_jobs.archive.filesystem import Attributes
from desync_jobs.formats.flags import FeatureFlags


@dataclass(slots=True)
class Folder:
    """A directory on the way."""

    fd: int
    path: bytes
    """For messages."""
    entries: Iterator["os.DirEntry[str]"] = field(default_factory=lambda: iter(()))
    """Those that are still to come, by the bytes of their names."""
    listed: list["os.DirEntry[str]"] = field(default_factory=list)
    """All that it has."""
    exclusion: Exclusion = NOTHING_EXCLUDED
    file_system: int = 0
    """The kind of file system it is on."""
    device: int = 0
    patience: int = 4
    """How often somebody else may try to read what comes next, to no avail."""


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
            entries = sorted(listing, key=lambda one: os.fsencode(one.name))
        folder.listed, folder.entries = entries, iter(entries)
        folder.exclusion = exclusion
        if self._exclude_file and any(entry.name == EXCLUDE_FILE for entry in entries):
            folder.exclusion = exclusion.extended(read_rules(folder.fd))

    def leave_out(self, folder: Folder, name: bytes, *, directory: bool) -> bool:
        """Tell whether rules exclude an entry, or something else is mounted there."""
        if folder.exclusion.excludes(name, directory=directory):
            return True
        return self.excludes_submounts and self.attributes.mounted(folder.fd, name)
