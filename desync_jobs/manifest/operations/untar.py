"""`untar`: unpack an archive as a directory tree."""

from collections.abc import Iterator
from typing import Literal

from desync_jobs.manifest.access import Access
from desync_jobs.manifest.archive import ArchiveSpec
from desync_jobs.manifest.features import Feature
from desync_jobs.manifest.paths import FilePath
from desync_jobs.manifest.scalars import Flag


class UntarSpec(ArchiveSpec):
    """Unpack an archive as a directory tree, from a catar file or from chunks by their index."""

    kind: Literal["untar"]
    """Unpacks an archive."""
    target: FilePath
    """The directory that becomes the top of the tree; it is made where it is not there. What is
    right in it already is left alone."""
    with_features: tuple[Feature, ...] = ()
    """What of the archive is wanted besides names and content, in casync's words: sets like `best`,
    `unix` and `privileged`, or single things like `xattrs`; everything where nothing is said."""
    without_features: tuple[Feature, ...] = ()
    """What of that is left out."""
    same_owner: Flag = True
    """Whether files belong to whom they belonged, by name where the archive has names. Only root
    can give files away; with false they belong to who runs this."""
    same_permissions: Flag = True
    """Whether files have their modes and access lists; with false they have what the umask says."""
    delete: Flag | None = None
    """Whether what the target has and the archive has not is removed. It is left alone by default,
    but for an `atomic` change: a whole new tree has nothing else in it."""
    replace: Flag = False
    """Whether a directory, with everything in it, makes way for what is no directory in the
    archive, and the other way round; otherwise that is an error."""
    atomic: Flag = False
    """Whether the tree is put together beside the target and takes its place as a whole at the
    end, so that there is always the old tree or the new one. It needs room for both."""
    seed_target: Flag | None = None
    """Whether the tree that is at the target already is a seed, after the others: its files are
    read and cut, and chunks that they have are not fetched. By default that is so where what else
    is in the target is removed, which takes it for an older version."""
    hardlink: Flag = False
    """Whether a file becomes a hard link to the same one of a tree among the seeds, where content
    and metadata are equal: it takes no room, and is changed with it ever after. Without, files
    share blocks with those of seeds where the file system can."""
    durability: Literal["full", "rename", "none"] = "full"
    """What survives a power cut: `full` syncs the tree, before it takes its place where the change
    is `atomic`, and its folder after that; `rename` leaves the folder to the system; `none` syncs
    nothing."""

    @property
    def deletes(self) -> bool:
        """Whether nothing but the archive is in the target at the end."""
        return self.atomic if self.delete is None else self.delete

    @property
    def seeds_target(self) -> bool:
        """Whether chunks are taken from what is at the target."""
        wanted = self.deletes if self.seed_target is None else self.seed_target
        return wanted and self.index is not None

    def access(self) -> Access:
        return self.archive_access(plants=(self.target,))


def untar_problems(spec: UntarSpec) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what contradicts itself in how `spec` writes: the key, and a message."""
    if spec.atomic and spec.delete is False:
        message = "an atomic change makes a whole new tree; leave it out, or leave out atomic"
        yield ("delete",), message
    if spec.hardlink and not (spec.seeds or spec.seeds_target):
        message = "links lead to files of seeds; name seeds that are trees, or set seed_target"
        yield ("hardlink",), message
    if spec.seed_target and spec.archive is not None:
        yield (
            ("seed_target",),
            "is for the chunks of an index, and an archive is whole; leave it out",
        )
