"""From seeds of the manifest to seeds with an index, for one operation."""

import os
from collections.abc import Iterator
from typing import TypeVar

from desync_jobs.errors import IndexMissingError, InvalidDataError, SourceError
from desync_jobs.execute.inputs import file_facts, read_index
from desync_jobs.execute.seed_index import automatic_index
from desync_jobs.execute.task import Streams, Task
from desync_jobs.formats.index import Index
from desync_jobs.manifest.seeds import SeedSpec
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts, SeedFacts
from desync_jobs.planner.needed import need_size

S = TypeVar("S")

_SUFFIX = ".caibx"


def survey_seeds(
    task: Task[S], names: tuple[str, ...], wanted: IndexFacts
) -> tuple[SeedFacts, ...]:
    """Return the seeds called `names`, in order, that can serve the index `wanted`.

    Raises `IndexMissingError`, `SourceError` or `IndexFormatError` for a seed that is named and
    cannot be used; what a seed directory holds besides usable pairs is passed over. A seed
    whose IDs are made with another digest serves nothing, which is said as a warning.
    """
    found = []
    for name in names:
        spec = task.machine.job.spec.seeds[name]
        for seed in _seeds(task, name, spec, wanted):
            if seed.index.algorithm is wanted.index.algorithm:
                found.append(seed)
            else:
                task.warn(f"seed {seed.name}: has another digest than the index; it is not used")
    return tuple(found)


def _seeds(task: Task[S], name: str, spec: SeedSpec, wanted: IndexFacts) -> Iterator[SeedFacts]:
    streams = task.machine.streams
    if spec.directory is not None:
        yield from _in_directory(task, name, task.path(spec.directory), wanted)
        return
    blob = _named_blob(name, task.path(spec.blob or ""), streams)
    if spec.automatic:
        index = automatic_index(task, name, blob, wanted.index)
        yield SeedFacts(name, blob, index, automatic=True)
        return
    path = task.path(spec.index or "")
    found = read_index(path, streams)
    if found is None:
        raise IndexMissingError(f"seed {name}: {path}: index does not exist")
    yield SeedFacts(name, blob, found.index)


def _named_blob(name: str, path: str, streams: Streams) -> FileFacts:
    try:
        return need_size(file_facts(path, streams))
    except SourceError as error:
        raise SourceError(f"seed {name}: {error}") from error


def _in_directory(
    task: Task[S], name: str, directory: str, wanted: IndexFacts
) -> Iterator[SeedFacts]:
    """Yield a seed for each index that has its blob beside it, in the order of their paths."""
    if not os.path.isdir(directory):
        raise SourceError(f"seed {name}: {directory} is not a directory; correct it or create it")
    for path in sorted(_index_paths(directory)):
        task.machine.cancel.check()
        blob = _blob_beside(task, path)
        if blob is None:
            continue
        index = _usable_index(task, path, wanted)
        if index is not None:
            yield SeedFacts(f"{name}:{os.path.relpath(blob.path, directory)}", blob, index)


def _index_paths(directory: str) -> Iterator[str]:
    for folder, _, names in os.walk(directory):
        yield from (os.path.join(folder, name) for name in names if name.endswith(_SUFFIX))


def _blob_beside(task: Task[S], path: str) -> FileFacts | None:
    blob = file_facts(path.removesuffix(_SUFFIX), task.machine.streams)
    return blob if blob.kind in {FileKind.REGULAR, FileKind.DEVICE} else None


def _usable_index(task: Task[S], path: str, wanted: IndexFacts) -> Index | None:
    try:
        found = read_index(path, task.machine.streams)
    except InvalidDataError as error:
        task.warn(f"{error}; it is not used as a seed")
        return None
    if found is None or found.file_digest == wanted.file_digest:
        # The index that is being extracted says what is wanted, not what is there.
        return None
    return found.index
