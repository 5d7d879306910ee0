"""Whether the index that is there may be that of a blob: what is known without reading it."""

from dataclasses import dataclass

from desync_jobs.errors import InvalidDataError
from desync_jobs.execute.indexes import find_index, index_output_facts
from desync_jobs.execute.inputs import file_facts
from desync_jobs.execute.task import Task
from desync_jobs.formats.flags import blob_flags
from desync_jobs.formats.index import Index
from desync_jobs.manifest.operations.make import OneMakeSpec
from desync_jobs.planner.facts import FileFacts, FileKind


@dataclass(frozen=True, slots=True, eq=False)
class FirstLook:
    """A blob, and the place of its index."""

    blob: FileFacts
    target: FileFacts
    difference: str | None
    """Why what is there cannot be the blob's index, as a clause; None where it may be."""
    index: Index | None = None
    """What is there."""


def first_look(task: Task[OneMakeSpec]) -> FirstLook:
    """Look at a blob and at the index that is there, if one is."""
    spec, streams = task.spec, task.machine.streams
    blob = file_facts(task.path(spec.blob), streams)
    target = index_output_facts(task, spec.index)
    if not blob.present or target.kind not in {FileKind.REGULAR, FileKind.REMOTE}:
        return FirstLook(blob, target, "the index does not exist")
    if blob.kind is FileKind.STREAM:
        # What is compared here could not be read again.
        return FirstLook(blob, target, "a stream is always read")
    try:
        found = find_index(task, spec.index)
    except InvalidDataError:
        return FirstLook(blob, target, "what is at the index's place is not a valid index")
    if found is None:
        return FirstLook(blob, target, "the index does not exist")
    return FirstLook(blob, target, _difference(spec, blob, found.index), found.index)


def _difference(spec: OneMakeSpec, blob: FileFacts, index: Index) -> str | None:
    if index.flags != blob_flags(spec.digest, spec.cut) or index.sizes != spec.chunk_size:
        return "the index was made with other settings"
    if index.blob_size != blob.size:
        return "the blob has another size than its index says"
    return None
