"""Indexes in files, streams and places elsewhere: read and checked, written whole."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from desync_jobs.errors import IndexFormatError, TargetError
from desync_jobs.execute.inputs import INDEX_SIZE_LIMIT, output_facts, read_index
from desync_jobs.execute.opening import open_index_place
from desync_jobs.execute.outputs import Output, open_held_output
from desync_jobs.execute.result import Status
from desync_jobs.execute.task import Task
from desync_jobs.manifest.paths import url_scheme
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts
from desync_jobs.planner.needed import need_index as need_facts
from desync_jobs.stores.leases.held import HeldLeases

if TYPE_CHECKING:
    from tempfile import SpooledTemporaryFile

    from desync_jobs.stores.objects.base import ObjectPlace

S = TypeVar("S")

_HELD: Final = 1 << 24
"""Bytes of an index that are kept in memory until it is complete; more go to a temporary file."""


def find_index(task: Task[S], text: str) -> IndexFacts | None:
    """Read and check the index that the manifest calls `text`; None where there is none.

    Raises what `look_for_index` does, `IndexFormatError` for one with another digest than the job
    asks for, and `OutdatedError` for one that is not the locked one.
    """
    found = look_for_index(task, text)
    if found is not None:
        _check_digest(found, task.machine.job.spec.index_digest)
        task.machine.indexes.meet(task.machine.job, found)
    return found


def need_index(task: Task[S], text: str) -> IndexFacts:
    """Return what `find_index` does; `IndexMissingError` where there is none."""
    return need_facts(find_index(task, text), task.path(text))


def _check_digest(found: IndexFacts, wanted: str | None) -> None:
    name = found.index.algorithm.value
    if wanted not in (None, name):
        raise IndexFormatError(f"{found.path}: names its chunks by {name}, and not by {wanted}")


def look_for_index(task: Task[S], text: str) -> IndexFacts | None:
    """Read and check an index in the same way that decides nothing, so that no lock has it.

    Raises `IndexFormatError` for one that breaks a rule, and `SourceError` or `StoreError` for one
    that cannot be read.
    """
    path = task.path(text)
    if not url_scheme(path):
        return read_index(path, task.machine.streams)
    from desync_jobs.formats.index import parse_index
    from desync_jobs.stores.objects.indexes import read_index_object

    place, name = open_index_place(task, path)
    data = read_index_object(place, name, INDEX_SIZE_LIMIT)
    if data is None:
        return None
    return IndexFacts(path, parse_index(data, path), hashlib.sha256(data).hexdigest())


def index_output_facts(task: Task[S], text: str) -> FileFacts:
    """Look at the place where an index is to be written."""
    path = task.path(text)
    if url_scheme(path):
        return FileFacts(path, FileKind.REMOTE)
    return output_facts(path, task.machine.streams)


@contextmanager
def open_index_output(task: Task[S], text: str) -> Iterator[Output]:
    """Open the place of an index; what leaves this machine does so when it is complete.

    `LockedError` instead where a lease was lost under which its chunks were stored.
    """
    with _open_index_output(task, task.path(text)) as output:
        yield _Leased(output, task.leases, task.path(text))


@contextmanager
def _open_index_output(task: Task[S], path: str) -> Iterator[Output]:
    if not url_scheme(path):
        with open_held_output(path, task.machine.streams) as output:
            yield output
        return
    # Few runs need it, and its import takes as long as reading a small index.
    from tempfile import SpooledTemporaryFile

    place, name = open_index_place(task, path)
    with SpooledTemporaryFile(max_size=_HELD) as held:
        yield _Upload(held, place, name, path)


class _Leased:
    """An index that appears while its chunks are safe, or not at all."""

    def __init__(self, output: Output, leases: HeldLeases, path: str) -> None:
        self._output = output
        self._leases = leases
        self._path = path

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._output.write(data)

    def finish(self) -> Status:
        self._leases.index_appears(self._path)
        return self._output.finish()


class _Upload:
    """An index on its way to a place elsewhere."""

    def __init__(
        self, held: "SpooledTemporaryFile[bytes]", place: "ObjectPlace", name: str, path: str
    ) -> None:
        self._held = held
        self._place = place
        self._name = name
        self._path = path
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._size += len(data)
        if self._size > INDEX_SIZE_LIMIT:
            raise TargetError(f"{self._path}: the index has more than {INDEX_SIZE_LIMIT} bytes")
        self._held.write(data)

    def finish(self) -> Status:
        from desync_jobs.stores.objects.indexes import write_index_object

        self._held.seek(0)
        data = self._held.read()
        if self._place.get([self._name], len(data)) == [data]:
            return Status.UNCHANGED
        write_index_object(self._place, self._name, data)
        return Status.DONE
