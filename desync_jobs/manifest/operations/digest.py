"""`digest`: one digest over a whole blob, archive or tree."""

from collections.abc import Iterator
from typing import Literal

from pydantic import ConfigDict

from desync_jobs.manifest.access import STREAM, Access
from desync_jobs.manifest.base import Found
from desync_jobs.manifest.paths import StreamPath
from desync_jobs.manifest.tree import OF_A_DIRECTORY, TREE_WAYS, TreeSpec


class DigestSpec(TreeSpec):
    """Write the digest of a blob, an archive or a directory, as `casync digest` prints it.

    That of a directory is that of its archive. An archive and its index say themselves which
    digest that is.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["blob"]}, *TREE_WAYS]})

    kind: Literal["digest"]
    """Digests a blob or a tree."""
    blob: StreamPath | None = None
    """A file or block device to read, whatever is in it; `-` is standard input."""
    output: StreamPath = STREAM
    """The text file to write; `-` is standard output."""

    def access(self) -> Access:
        return self.tree_access(reads=(self.blob,), writes=(self.output,))

    def contradictions(self) -> Iterator[Found]:
        ways = (self.blob, self.archive, self.index, self.directory)
        if sum(one is not None for one in ways) != 1:
            yield (), "give either blob, or archive, or index with stores, or directory"
            return
        yield from self.source_contradictions(indexed=self.index is not None)
        if self.directory is None:
            yield from self.directory_contradictions(OF_A_DIRECTORY)
        if self.archive is not None and "digest" in self.model_fields_set:
            yield ("digest",), "an archive says itself which digest it has; leave it out"
