"""A blob that is read from its index on one side, and cut anew on the other."""

from collections.abc import Callable
from dataclasses import dataclass

from desync_jobs.archive.encoding import Bytes
from desync_jobs.archive.piping import piped
from desync_jobs.assembly.cutting import Stream
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.execute.blob_range import open_range
from desync_jobs.execute.making import IndexWanted, make_chunks
from desync_jobs.execute.renaming import flags_with
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.flags import FeatureFlags, blob_flags
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.planner.blob_range import BlobRange
from desync_jobs.planner.facts import IndexFacts

_OF_BLOBS = FeatureFlags.EXCLUDE_NODUMP | FeatureFlags.EXCLUDE_FILE | FeatureFlags.SHA512_256
"""What the index of a blob can say; one that says more is that of an archive."""


@dataclass(frozen=True, slots=True)
class _Read:
    """Where the blob comes from."""

    stores: tuple[str, ...]
    cache: str | None = None
    cache_repair: bool = True
    chunks_info: str | None = None
    seeds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Made:
    """What becomes of it."""

    store: str
    chunk_size: ChunkSizes
    cut: CutMode


def cut_anew(task: Task[MigrateSpec], index: Index, digest: str, target: str) -> Done:
    """Cut the blob of `index` as the operation says, and publish its new index as `target`.

    `digest` is the SHA-256 of its file, and `target` an absolute path or a URL.
    """
    spec = task.spec
    sizes = spec.chunk_size or index.sizes
    found = IndexFacts(target, index, digest)
    wanted = BlobRange(found, 0, index.blob_size, 0, len(index))
    made = Task(task.name, _Made(spec.store, sizes, spec.cut), task.machine, task.leases)
    read = Task(task.name, _Read(spec.stores), task.machine)
    phase = task.phase("cutting", index.blob_size)
    with open_range(read, wanted) as blob:

        def feed(write: Callable[[Bytes], None]) -> None:
            for piece in blob.pieces:
                write(memoryview(piece))

        wanted_index = IndexWanted(target, _flags(spec, index))
        with piped(feed) as pipe:
            return make_chunks(made, Stream(pipe.fd, target), wanted_index, pipe.finish, phase)


def _flags(spec: MigrateSpec, index: Index) -> int:
    algorithm = spec.digest or index.algorithm
    if index.flags & ~_OF_BLOBS:
        return flags_with(index.flags, algorithm)
    return blob_flags(algorithm, spec.cut)
