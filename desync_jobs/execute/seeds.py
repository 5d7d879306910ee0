"""From seeds of the manifest to seeds with an index, for one operation."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from desync_jobs.errors import IndexMissingError, InvalidDataError, SourceError
from desync_jobs.execute.indexes import look_for_index
from desync_jobs.execute.inputs import file_facts, open_input, read_index
from desync_jobs.execute.seed_index import automatic_seed, check_cutting
from desync_jobs.execute.task import Streams, Task
from desync_jobs.formats.index import Index
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts, SeedFacts
from desync_jobs.planner.needed import need_size

S = TypeVar("S")

_SUFFIX = ".caibx"


def survey_seeds(
    task: Task[S], names: tuple[str, ...], wanted: IndexFacts, beside: Iterable[str] = ()
) -> tuple[SeedFacts, ...]:
    """Return the blobs among the seeds called `names`, in order, that can serve `wanted`.

    No index at one of the paths `beside` says what is there: those are extracted too. Raises
    `IndexMissingError`, `SourceError` or `IndexFormatError` for a seed that is named and
    cannot be used; what a seed directory holds besides usable pairs is passed over. A seed
    whose IDs are made with another digest serves nothing, which is said as a warning.
    """
    found = []
    sought = _Sought(wanted.index, frozenset(map(_entry, (wanted.path, *beside))))
    for name in names:
        if task.machine.job.spec.seeds[name].tree is not None:
            continue
        for seed in _seeds(task, name, sought):
            if seed.index.algorithm is wanted.index.algorithm:
                found.append(seed)
            else:
                task.warn(f"seed {seed.name}: has another digest than the index; it is not used")
    return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Sought:
    """What seeds are wanted for."""

    index: Index
    entries: frozenset[str]
    """Where the indexes are that are being extracted."""


def _seeds(task: Task[S], name: str, wanted: _Sought) -> Iterator[SeedFacts]:
    streams = task.machine.streams
    spec = task.machine.job.spec.seeds[name]
    if spec.directory is not None:
        yield from _in_directory(task, name, task.path(spec.directory), wanted)
        return
    blob = _named_blob(name, task.path(spec.blob or ""), streams)
    if spec.automatic:
        try:
            check_cutting(blob, wanted.index)
        except SourceError as error:
            task.warn(f"seed {name}: {error}; it is not used")
            return
        yield automatic_seed(task, name, blob, wanted.index)
        return
    found = look_for_index(task, spec.index or "")
    if found is None:
        path = task.path(spec.index or "")
        raise IndexMissingError(f"seed {name}: {path}: index does not exist")
    yield SeedFacts(name, blob, found.index)


def _named_blob(name: str, path: str, streams: Streams) -> FileFacts:
    try:
        return need_size(file_facts(path, streams))
    except SourceError as error:
        raise SourceError(f"seed {name}: {error}") from error


def _in_directory(task: Task[S], name: str, directory: str, wanted: _Sought) -> Iterator[SeedFacts]:
    """Yield a seed for each index that has its blob beside it, in the order of their paths."""
    if not os.path.isdir(directory):
        raise SourceError(f"seed {name}: {directory} is not a directory; correct it or create it")
    for path in sorted(_index_paths(task, directory)):
        task.machine.cancel.check()
        try:
            found = _pair(task, path, wanted)
        except (SourceError, InvalidDataError) as error:
            task.warn(f"{error}; it is not used as a seed")
            continue
        if found is not None:
            blob, index = found
            yield SeedFacts(f"{name}:{os.path.relpath(blob.path, directory)}", blob, index)


def _index_paths(task: Task[S], directory: str) -> Iterator[str]:
    """Yield what may be an index; links to directories are not followed, so there is an end."""

    def pass_over(error: OSError) -> None:
        task.warn(f"{error.filename}: cannot be listed: {error.strerror}; no seed is taken from it")

    for folder, _, names in os.walk(directory, onerror=pass_over):
        yield from (os.path.join(folder, name) for name in names if name.endswith(_SUFFIX))


def _pair(task: Task[S], path: str, wanted: _Sought) -> tuple[FileFacts, Index] | None:
    """Return the index at `path` and its blob; None where either is not there or no file.

    Raises `SourceError` and `IndexFormatError` for a pair that is there and cannot be used.
    """
    streams = task.machine.streams
    blob = file_facts(path.removesuffix(_SUFFIX), streams)
    if blob.kind not in {FileKind.REGULAR, FileKind.DEVICE}:
        return None
    # The index that is being extracted says what is wanted, not what is there. A copy of it
    # that somebody put beside a blob is another matter.
    regular = file_facts(path, streams).kind is FileKind.REGULAR
    if not regular or _entry(path) in wanted.entries:
        return None
    found = read_index(path, streams)
    with open_input(blob.path, streams):
        return None if found is None else (blob, found.index)


def _entry(path: str) -> str:
    """Return the one name of a directory's entry, whatever links lead to the directory."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)
