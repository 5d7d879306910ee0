"""Doing `inspect-chunks`: JSON, one object a position, with desync's field names."""

import json
from collections.abc import Iterator

from desync_jobs.assembly.batches import spans
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
from desync_jobs.planner.plan import Step


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
    status = write_output(path, task.machine.streams, _document(_batches(task, index)))
    return Done(status, {"chunks": len(index)})


def _document(batches: Iterator[list[dict[str, object]]]) -> Iterator[bytes]:
    """Yield a JSON array, an object at a time."""
    separator = "[\n"
    for batch in batches:
        for row in batch:
            body = json.dumps(row, indent=2).replace("\n", "\n  ")
            yield f"{separator}  {body}".encode("ascii")
            separator = ",\n"
    yield b"[]\n" if separator == "[\n" else b"\n]\n"


def _batches(task: Task[InspectChunksSpec], index: Index) -> Iterator[list[dict[str, object]]]:
    store = (
        None
        if task.spec.store is None
        else open_store(task, task.spec.store, Reading(index.algorithm))
    )

    def describe(span: tuple[int, int]) -> list[dict[str, object]]:
        first, last = span
        ids = rows(index.ids_between(first, last))
        stored = [None] * len(ids) if store is None else store.compressed_sizes(ids)
        return [
            _row(chunk_id, index.length(position), size)
            for position, chunk_id, size in zip(range(first, last), ids, stored, strict=True)
        ]

    return task.machine.workers.ordered(describe, spans(index))


def _row(chunk_id: bytes, plain: int, stored: int | None) -> dict[str, object]:
    row: dict[str, object] = {"id": chunk_id.hex(), "uncompressed_size": plain}
    if stored:
        row["compressed_size"] = stored
    return row
