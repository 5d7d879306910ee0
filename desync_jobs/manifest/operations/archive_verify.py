"""`archive-verify`: hold a directory against the archive that it should be."""

from dataclasses import replace
from typing import Literal

from desync_jobs.manifest.access import STREAM, Access
from desync_jobs.manifest.archive import ArchiveSpec
from desync_jobs.manifest.comparison import Aspect, Form
from desync_jobs.manifest.paths import FilePath, StreamPath
from desync_jobs.manifest.scalars import Flag


class ArchiveVerifySpec(ArchiveSpec):
    """Check that a directory is what an archive says, and name every difference.

    What the archive does not keep is not compared. A difference is an error.
    """

    kind: Literal["archive-verify"]
    """Checks a directory against an archive."""
    directory: FilePath
    """The top of the tree to check."""
    ignore: tuple[Aspect, ...] = ()
    """What may differ: `owner`, `permissions`, `times`, `xattrs`, `selinux`, `capabilities`,
    `flags` or `project`."""
    ignore_extra: Flag = False
    """Whether the directory may have what the archive has not."""
    format: Form = "words"
    """How differences are told: in `words`, a line each, or as an array in `json`."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""

    def access(self) -> Access:
        return replace(self.archive_access(writes=(self.output,)), reads_trees=(self.directory,))
