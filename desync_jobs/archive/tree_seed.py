"""A directory tree as a seed: the archive it would be, cut into chunks, its files read again.

As casync does with the trees that it is given as seeds. What an archive keeps of files, and how it
is cut, is as in the index whose chunks are wanted. A chunk is found where one of the tree's archive
has its ID, and is read from the files when it is asked for; who asks digests it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from desync_jobs.archive.dialect import DesyncMetadata
from desync_jobs.archive.layout import TreeLayout
from desync_jobs.archive.metadata import Metadata
from desync_jobs.archive.piping import piped
from desync_jobs.archive.walk import TreeWalk
from desync_jobs.assembly.cutting import Cutting, Stream, Stretch, cut_stream
from desync_jobs.assembly.workers import Workers
from desync_jobs.core.chunk import ChunkID
from desync_jobs.core.digester import Digester
from desync_jobs.errors import SourceError
from desync_jobs.formats.catar.features import DESYNC_FLAGS
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.formats.index import Index
from desync_jobs.formats.index_building import IndexBuilder
from desync_jobs.report.words import counted


@dataclass(frozen=True, slots=True)
class TreeSeed:
    """A tree whose files can be read."""

    layout: TreeLayout
    index: Index
    name: str
    """How messages call it."""

    @property
    def wrong(self) -> str:
        """What is said where a chunk is not there any more."""
        return f"{self.name} changed while it was used"

    def read(self, view: memoryview, offset: int) -> int:
        """Fill `view` from `offset` of the tree's archive, as far as that can be had."""
        return self.layout.read(view, offset)


class PassedOver:
    """What of a seed cannot be read: counted, with one example."""

    def __init__(self) -> None:
        self._count = 0
        self._example: SourceError | None = None

    def __call__(self, error: SourceError) -> None:
        """Count one more."""
        self._count += 1
        self._example = self._example or error

    @property
    def message(self) -> str | None:
        """What there is to say; None where everything could be read."""
        if self._example is None:
            return None
        others = f", and {counted(self._count - 1, 'other')}" if self._count > 1 else ""
        return f"{self._example}: left out of the seed{others}"


def lay_out(layout: TreeLayout, wanted: Index, workers: Workers) -> str | None:
    """Find out what the tree's archive would be; no file is read.

    Returns what there is to say about what is left out. Raises `SourceError` where the top cannot
    be read, and where the records cannot be held.
    """
    passed = PassedOver()
    walk = TreeWalk(layout.reach.root, _metadata(wanted.flags), passed)
    layout.take(walk.visits(), workers.cancel)
    return passed.message


def _metadata(flags: int) -> Metadata:
    """Return the reader of what an archive keeps whose index has these feature flags."""
    # desync's archives always claim the same digest, whatever that of their chunks is.
    if flags | FeatureFlags.SHA512_256 == DESYNC_FLAGS:
        return DesyncMetadata((), one_file_system=False)
    return Metadata(FeatureFlags(flags))


def index_layout(
    layout: TreeLayout,
    wanted: Index,
    cutting: Cutting,
    workers: Workers,
    advance: Callable[[int], None],
) -> Index:
    """Read all files, and return the index of the tree's archive, digested as `wanted` is.

    `advance` is told of bytes as they are done.
    """
    digester = Digester(cutting.kernel, wanted.algorithm, wanted.sizes.maximum)

    def digest(stretch: Stretch) -> tuple[list[int], list[ChunkID]]:
        return stretch.ends, digester(stretch.pieces)

    builder = IndexBuilder(wanted.flags, wanted.sizes)
    done = 0
    with piped(lambda write: layout.write_to(write, workers.cancel)) as pipe:
        for ends, ids in cut_stream(Stream(pipe.fd, layout.reach.root), cutting, workers, digest):
            if ends:
                builder.add(ends, ids)
                advance(ends[-1] - done)
                done = ends[-1]
        pipe.finish()
    return builder.index()
