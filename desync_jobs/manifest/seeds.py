"""Seeds: blobs and trees on this machine whose chunks are used instead of fetching them."""

from typing import Final

from desync_jobs.manifest.base import Spec
from desync_jobs.manifest.indexes import IndexFile
from desync_jobs.manifest.paths import FilePath

AUTO: Final = "auto"
"""As an index: one that the runner makes, keeps and renews itself."""


class SeedSpec(Spec):
    """A seed, one of three: a blob with its index, a directory of such pairs, or a tree."""

    blob: FilePath | None = None
    """A file or a block device, like the root file system that is running."""
    index: IndexFile | None = None
    """The blob's index; `auto`, which is also the default, has one made, kept and renewed when the
    blob changes."""
    directory: FilePath | None = None
    """A directory that is searched, with all below it, for indexes with their blob beside them:
    `x` beside `x.caibx`."""
    tree: FilePath | None = None
    """A directory tree, like the root file system that is running, for operations that read an
    archive from its index: the tree's files are read and cut as its archive would be, when it is
    used for the first time and when anything in it has changed."""

    @property
    def automatic(self) -> bool:
        """Whether the runner makes the index itself."""
        return self.blob is not None and self.index in (None, AUTO)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that are read, as far as they are named."""
        named = [self.blob, None if self.automatic else self.index]
        return tuple(path for path in named if path is not None)

    @property
    def directories(self) -> tuple[str, ...]:
        """The directories in which files are read."""
        return tuple(path for path in (self.directory, self.tree) if path is not None)
