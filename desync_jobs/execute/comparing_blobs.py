"""Which blobs are what the indexes that are there describe: read and cut again."""

from collections.abc import Sequence
from dataclasses import dataclass

from desync_jobs.assembly.cutting import Cutting, Stream
from desync_jobs.assembly.workers import Workers
from desync_jobs.execute.blob_work import OpenBlobs, Told, chunks_in, untold
from desync_jobs.execute.engines.base import Tally
from desync_jobs.execute.inputs import open_input
from desync_jobs.execute.making import cutting_of
from desync_jobs.execute.same_chunks import same_chunks
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.make import MakeSpec


@dataclass(frozen=True, slots=True, eq=False)
class ToCompare:
    """A blob, and an index of its size that was made with the same settings."""

    path: str
    """Absolute."""
    index: Index

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        return self.index.blob_size


@dataclass(frozen=True)
class ComparingBlobs:
    """Reads blobs, and says of each whether it is what its index describes."""

    spec: MakeSpec
    told: Told = untold
    """What tells of a large blob that is read in this process; stays here."""

    def __reduce__(self) -> tuple[object, ...]:
        return ComparingBlobs, (self.spec,)

    def open(self, task: Task[MakeSpec]) -> OpenBlobs[ToCompare, list[bool]]:
        return OpenBlobs(task, _Batches(task, cutting_of(task)).compare, self.told, _nothing)

    def chunks(self, batch: Sequence[ToCompare]) -> int:
        return chunks_in(batch, self.spec.chunk_size.average)


@dataclass(frozen=True, slots=True)
class _Batches:
    task: Task[MakeSpec]
    cutting: Cutting

    def compare(self, batch: Sequence[ToCompare], workers: Workers, told: Told) -> list[bool]:
        same = []
        for one in batch:
            workers.cancel.check()
            with open_input(one.path, self.task.machine.streams) as fd:
                stream = Stream(fd, one.path)
                same.append(same_chunks(stream, one.index, self.cutting, workers, told))
        return same


def _nothing() -> Tally:
    return {}
