"""`diff`: what changed between two trees."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Literal

from desync_jobs.manifest.access import STREAM, Access, access
from desync_jobs.manifest.base import Found
from desync_jobs.manifest.comparison import Aspect, Form
from desync_jobs.manifest.kept import KeptSpec
from desync_jobs.manifest.paths import StreamPath
from desync_jobs.manifest.sources import SourcesSpec
from desync_jobs.manifest.tree import OF_A_DIRECTORY
from desync_jobs.manifest.tree_place import TreePlaceSpec

_SIDES: Final = ("old", "new")


class DiffSpec(KeptSpec, SourcesSpec):
    """Tell what changed between two trees: archives, directories, or one of each.

    Only what both keep is compared. A directory beside an archive is taken to be archived with the
    features of that; two directories with those that are given here. Trees that differ are no
    error.
    """

    kind: Literal["diff"]
    """Compares two trees."""
    old: TreePlaceSpec
    """The tree as it was."""
    new: TreePlaceSpec
    """The tree as it is."""
    ignore: tuple[Aspect, ...] = ()
    """What is not compared: `owner`, `permissions`, `times`, `xattrs`, `selinux`, `capabilities`,
    `flags` or `project`."""
    format: Form = "words"
    """How changes are told: in `words`, a line each, or as an array in `json`."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""

    @property
    def places(self) -> tuple[TreePlaceSpec, TreePlaceSpec]:
        """Both trees, the older first."""
        return self.old, self.new

    def access(self) -> Access:
        read = [text for one in self.places for text in (one.archive, one.index)]
        touched = access(
            reads=[*read, self.chunks_info],
            writes=[self.output],
            uses_stores=[*self.stores, self.cache],
            uses_seeds=self.seeds,
        )
        trees = tuple(one.directory for one in self.places if one.directory is not None)
        return replace(touched, reads_trees=tuple(dict.fromkeys(trees)))

    def contradictions(self) -> Iterator[Found]:
        for side, place in zip(_SIDES, self.places, strict=True):
            if place.ways != 1:
                yield (side,), "give either archive, or index, or directory"
        if all("-" in (place.archive, place.index) for place in self.places):
            yield ("new",), "standard input can be one of the two only"
        indexed = any(place.index is not None for place in self.places)
        yield from self.source_contradictions(indexed=indexed)
        if any(place.directory is None for place in self.places):
            for key in (*OF_A_DIRECTORY, "digest"):
                if key in self.model_fields_set:
                    yield (key,), "is for two directories; an archive says itself what it keeps"
