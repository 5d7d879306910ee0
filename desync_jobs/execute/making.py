"""A stream → its chunks in a store, and its index."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from desync_jobs.assembly.cutting import Cutting, Stream, cut_stream
from desync_jobs.core.sizes import ChunkSizes, CutMode
from desync_jobs.execute.index_output import IndexOutput
from desync_jobs.execute.indexes import open_index_output
from desync_jobs.execute.keeping import Keeping
from desync_jobs.execute.kept import stored_counts
from desync_jobs.execute.opening import Reading, open_store
from desync_jobs.execute.progress import Phase
from desync_jobs.execute.result import Done, Status
from desync_jobs.execute.task import Task
from desync_jobs.formats.flags import flags_algorithm

CHANGED: Final = "changed while it was read; the index is of what was read"
"""What is said of a blob."""


class Made(Protocol):
    """A spec of an operation that makes chunks and an index."""

    @property
    def store(self) -> str | None:
        """The store that keeps the chunks."""
        ...

    @property
    def chunk_size(self) -> ChunkSizes:
        """How long chunks are."""
        ...

    @property
    def cut(self) -> CutMode:
        """Whose cut points."""
        ...


S = TypeVar("S", bound=Made)


@dataclass(frozen=True, slots=True)
class IndexWanted:
    """The index to write."""

    path: str
    """As written in the manifest."""
    flags: int
    """Its feature flags, which say with which digest chunks are named."""


def cutting_of(task: Task[S]) -> Cutting:
    """Return how the operation cuts."""
    return Cutting(task.spec.chunk_size, task.spec.cut, task.machine.kernel)


def make_chunks(
    task: Task[S],
    stream: Stream,
    wanted: IndexWanted,
    check: Callable[[], None],
    phase: Phase | None = None,
) -> Done:
    """Cut `stream`, store what the store lacks, sync, and publish the index.

    `check` is called when all was read, before anything is published, and may refuse it. Without
    a `phase`, whoever feeds the stream tells of progress.
    """
    spec, machine = task.spec, task.machine
    algorithm = flags_algorithm(wanted.flags)
    store = None if spec.store is None else open_store(task, spec.store, Reading(algorithm))
    cutting = cutting_of(task)
    keeping = Keeping(cutting, algorithm, store)
    with open_index_output(task, wanted.path) as output:
        index = IndexOutput(output, wanted.flags, spec.chunk_size)
        if store is not None:
            store.prepare()  # even an empty blob has a store, which other operations may ask
        for batch in cut_stream(stream, cutting, machine.workers, keeping.keep):
            index.add(batch.ends, batch.ids)
            if phase is not None:
                phase.advance(index.blob_size - phase.done)
        check()
        if store is not None:
            store.flush()
        machine.cancel.check()
        published = index.finish()
    kept = stored_counts(store)
    unchanged = published is Status.UNCHANGED and not kept["chunks_stored"]
    statistics = {"bytes": index.blob_size, "chunks": index.chunks, **kept}
    return Done(Status.UNCHANGED if unchanged else Status.DONE, statistics)
