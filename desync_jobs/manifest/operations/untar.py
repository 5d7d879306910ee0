"""`untar`: unpack an archive as a directory tree or a tar stream."""

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import ConfigDict

from desync_jobs.manifest.access import Access
from desync_jobs.manifest.archive import WAYS, ArchiveSpec
from desync_jobs.manifest.features import Feature
from desync_jobs.manifest.paths import FilePath, StreamPath
from desync_jobs.manifest.scalars import Flag

_OUTPUTS: Final = ("target", "tar_stream")
_OF_TARGETS: Final = (
    *("same_owner", "same_permissions", "delete", "replace", "atomic", "seed_target"),
    *("hardlink", "durability"),
)


class UntarSpec(ArchiveSpec):
    """Unpack an archive as a directory tree or a tar stream, from a catar file or from chunks."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {"oneOf": list(WAYS)},
                {"oneOf": [{"required": [key]} for key in _OUTPUTS]},
            ]
        }
    )

    kind: Literal["untar"]
    """Unpacks an archive."""
    target: FilePath | None = None
    """The directory that becomes the top of the tree; it is made where it is not there. What is
    right in it already is left alone."""
    tar_stream: StreamPath | None = None
    """The tar stream to write instead; `-` is standard output."""
    tar_format: Literal["pax", "gnu"] = "pax"
    """The format of that: `pax` for that of POSIX, which holds all but sockets, or `gnu` for that
    of GNU tar, without extended attributes, access lists and fractions of seconds."""
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
    """What survives a power cut: `full` syncs the tree's file system, before the tree takes its
    place where the change is `atomic`, and its folder after that; `rename` leaves the folder to the
    system; `none` syncs nothing."""

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
        if self.target is not None:
            return self.archive_access(plants=(self.target,))
        return self.archive_access(writes=() if self.tar_stream is None else (self.tar_stream,))


def untar_problems(spec: UntarSpec) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what contradicts itself in how `spec` writes: the key, and a message."""
    yield from _output_problems(spec)
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


def _output_problems(spec: UntarSpec) -> Iterator[tuple[tuple[str, ...], str]]:
    if (spec.target is None) == (spec.tar_stream is None):
        yield (), "give either target or tar_stream"
    given = spec.model_fields_set
    if spec.target is None:
        for key in _OF_TARGETS:
            if key in given:
                yield (key,), "is about trees on disk; give target"
    elif "tar_format" in given:
        yield ("tar_format",), "is about tar streams; give tar_stream"
