"""Doing `inspect-chunks`: JSON, one object a position, with desync's field names."""

from collections.abc import Iterable, Iterator
from typing import Final

from desync_jobs.execute.indexes import find_index
from desync_jobs.execute.inputs import output_facts
from desync_jobs.execute.kept import rows
from desync_jobs.execute.opening import Reading, open_store, store_facts
from desync_jobs.execute.outputs import write_output
from desync_jobs.execute.result import Done
from desync_jobs.execute.task import Task
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.inspect_chunks import InspectChunksSpec
from desync_jobs.planner.operations.inspect_chunks import InspectChunksFacts
from desync_jobs.planner.step import Step
from desync_jobs.stores.base import BATCH_CHUNKS

_BLOCK: Final = BATCH_CHUNKS * 16
"""Chunks described together."""


def survey_inspect_chunks(task: Task[InspectChunksSpec]) -> InspectChunksFacts:
    """Read the index and look at the store."""
    spec, streams = task.spec, task.machine.streams
    return InspectChunksFacts(
        find_index(task, spec.index),
        output_facts(task.path(spec.output), streams),
        None if spec.store is None else store_facts(task, spec.store),
    )


def do_inspect_chunks(task: Task[InspectChunksSpec], step: Step) -> Done:
    """Write plain and stored sizes of every position, repeats included."""
    index = step.detail_as(Index)
    path = task.path(task.spec.output)
    status = write_output(path, task.machine.streams, _document(_described(task, index)))
    return Done(status, {"chunks": len(index)})


def _document(described: Iterable[str]) -> Iterator[bytes]:
    """Yield a JSON array, many objects at a time."""
    separator = "[\n"
    for objects in described:
        yield f"{separator}{objects}".encode("ascii")
        separator = ",\n"
    yield b"[]\n" if separator == "[\n" else b"\n]\n"


def _described(task: Task[InspectChunksSpec], index: Index) -> Iterable[str]:
    """Return the objects of all positions, in order; each different one is written once a block."""
    store = (
        None
        if task.spec.store is None
        else open_store(task, task.spec.store, Reading(index.algorithm))
    )

    def describe(first: int) -> str:
        last = min(first + _BLOCK, len(index))
        ids = rows(index.ids_between(first, last))
        lengths = index.lengths_between(first, last).tolist()
        distinct = list(dict.fromkeys(ids))
        sizes = [None] * len(distinct) if store is None else store.compressed_sizes(distinct)
        stored = dict(zip(distinct, sizes, strict=True))
        # The length of a chunk follows from its ID, except in an index that is wrong.
        places = list(zip(ids, lengths, strict=True))
        texts = {
            (chunk_id, length): _object(chunk_id, length, stored[chunk_id])
            for chunk_id, length in dict.fromkeys(places)
        }
        return ",\n".join([texts[place] for place in places])

    return task.machine.workers.ordered(describe, range(0, len(index), _BLOCK))


def _object(chunk_id: bytes, plain: int, stored: int | None) -> str:
    """Return what the `json` module writes with an indent of two, in an array."""
    more = f',\n    "compressed_size": {stored}' if stored else ""
    return f'  {{\n    "id": "{chunk_id.hex()}",\n    "uncompressed_size": {plain}{more}\n  }}'
