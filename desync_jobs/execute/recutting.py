"""Blobs that are read from their indexes on one side, and cut anew on the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from desync_jobs.archive.encoding import Bytes
from desync_jobs.archive.piping import piped
from desync_jobs.assembly.cutting import Cutting, Stream, cut_stream
from desync_jobs.assembly.workers import Workers
from desync_jobs.execute.blob_range import open_range
from desync_jobs.execute.blob_work import OpenBlobs, Told, untold
from desync_jobs.execute.engines.base import Tally
from desync_jobs.execute.index_output import IndexOutput
from desync_jobs.execute.keeping import Keeping
from desync_jobs.execute.kept import stored_counts
from desync_jobs.execute.opening import Reading, open_store
from desync_jobs.execute.renaming import flags_with
from desync_jobs.execute.result import Status
from desync_jobs.execute.task import Task
from desync_jobs.formats.flags import FeatureFlags, blob_flags, flags_algorithm
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.migrate import MigrateSpec
from desync_jobs.planner.blob_range import BlobRange
from desync_jobs.planner.facts import IndexFacts

_OF_BLOBS = FeatureFlags.EXCLUDE_NODUMP | FeatureFlags.EXCLUDE_FILE | FeatureFlags.SHA512_256
"""What the index of a blob can say; one that says more is that of an archive."""


@dataclass(frozen=True, slots=True)
class ToCut:
    """A blob that is to be cut anew."""

    name: str
    """What messages call it."""
    index: Index
    digest: str
    """The SHA-256 of the file of the index."""

    @property
    def size(self) -> int:
        return self.index.blob_size


@dataclass(frozen=True, slots=True)
class CutAnew:
    """A blob whose new chunks are stored, and last."""

    size: int
    stored: dict[str, int]
    """How many chunks and bytes the store lacked, as statistics call them."""
    index: bytes
    """The content of its new index."""


@dataclass(frozen=True)
class Recutting:
    """Cuts blobs anew, and keeps their chunks; publishes nothing."""

    spec: MigrateSpec
    told: Told = untold
    """What tells of a large blob that is cut in this process; stays here."""

    def __reduce__(self) -> tuple[object, ...]:
        return Recutting, (self.spec,)

    def open(self, task: Task[MigrateSpec]) -> OpenBlobs[ToCut, list[CutAnew]]:
        def cut(batch: Sequence[ToCut], workers: Workers, told: Told) -> list[CutAnew]:
            with_these = replace(task, machine=replace(task.machine, workers=workers))
            return [_cut(with_these, one, told) for one in batch]

        return OpenBlobs(task, cut, self.told, _uncounted)

    def chunks(self, batch: Sequence[ToCut]) -> int:
        return sum(len(one.index) for one in batch)


def _uncounted() -> Tally:
    """Count nothing: each blob says what it had stored."""
    return {}


@dataclass(frozen=True, slots=True)
class _Read:
    """Where the blob comes from."""

    stores: tuple[str, ...]
    cache: str | None = None
    cache_repair: bool = True
    chunks_info: str | None = None
    seeds: tuple[str, ...] = ()


class _Held:
    """An index that nobody sees yet."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.content += data

    def finish(self) -> Status:
        return Status.DONE


def _cut(task: Task[MigrateSpec], blob: ToCut, told: Told) -> CutAnew:
    spec, flags = task.spec, _flags(task.spec, blob.index)
    algorithm, sizes = flags_algorithm(flags), spec.chunk_size or blob.index.sizes
    store = open_store(task, spec.store, Reading(algorithm))
    store.prepare()  # even an empty blob has a store, which other operations may ask
    cutting = Cutting(sizes, spec.cut, task.machine.kernel)
    keeping = Keeping(cutting, algorithm, store)
    read: Task[Any] = Task(task.name, _Read(spec.stores), task.machine)
    found = IndexFacts(blob.name, blob.index, blob.digest)
    held = _Held()
    index = IndexOutput(held, flags, sizes)
    with open_range(read, BlobRange(found, 0, blob.size, 0, len(blob.index))) as pieces:

        def feed(write: Callable[[Bytes], None]) -> None:
            for piece in pieces.pieces:
                write(memoryview(piece))

        with piped(feed) as pipe:
            stream = Stream(pipe.fd, blob.name)
            for batch in cut_stream(stream, cutting, task.machine.workers, keeping.keep):
                before = index.blob_size
                index.add(batch.ends, batch.ids)
                told(index.blob_size - before)
            pipe.finish()
    store.flush()
    index.finish()
    return CutAnew(index.blob_size, stored_counts(store), bytes(held.content))


def _flags(spec: MigrateSpec, index: Index) -> int:
    algorithm = spec.digest or index.algorithm
    if index.flags & ~_OF_BLOBS:
        return flags_with(index.flags, algorithm)
    return blob_flags(algorithm, spec.cut)
