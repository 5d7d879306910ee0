"""Opening what operations read: blobs, indexes, lists of chunk IDs."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from desync_jobs.assembly.cancel import Cancel
from desync_jobs.core.chunk import ChunkID, parse_chunk_id
from desync_jobs.errors import InvalidDataError, SourceError
from desync_jobs.execute.task import Streams
from desync_jobs.planner.facts import FileFacts, FileKind, IndexFacts

INDEX_SIZE_LIMIT: Final = 8 << 30
"""No index file may be larger: about 200 million chunks."""

_STAT_BLOCK: Final = 512
_LIST_SIZE_LIMIT: Final = 1 << 30
_READ: Final = 1 << 20


def file_facts(path: str, streams: Streams) -> FileFacts:
    """Look at `path` (absolute, or `-`); raises `SourceError` where it cannot be looked at."""
    if path == "-":
        return _stream_facts(streams)
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return FileFacts(path, FileKind.ABSENT)
    except OSError as error:
        raise SourceError(f"{path}: cannot be looked at: {error.strerror}") from error
    identity = (found.st_dev, found.st_ino)
    if stat.S_ISREG(found.st_mode):
        return FileFacts(
            path,
            FileKind.REGULAR,
            found.st_size,
            identity,
            found.st_mtime_ns,
            found.st_blocks * _STAT_BLOCK,
        )
    if stat.S_ISDIR(found.st_mode):
        return FileFacts(path, FileKind.DIRECTORY, 0, identity)
    if stat.S_ISBLK(found.st_mode):
        return FileFacts(path, FileKind.DEVICE, _device_size(path), identity)
    return FileFacts(path, FileKind.STREAM, 0, identity)


def _stream_facts(streams: Streams) -> FileFacts:
    # A file given as standard input has a size, which makes progress honest.
    found = os.fstat(streams.stdin.fileno())
    if not stat.S_ISREG(found.st_mode):
        return FileFacts("-", FileKind.STREAM)
    return FileFacts("-", FileKind.STREAM, found.st_size, (found.st_dev, found.st_ino))


def output_facts(path: str, streams: Streams) -> FileFacts:
    """Look at what is at an output's place; standard output is always there."""
    return FileFacts("-", FileKind.STREAM) if path == "-" else file_facts(path, streams)


def _device_size(path: str) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened: {error.strerror}") from error
    try:
        return os.lseek(fd, 0, os.SEEK_END)
    finally:
        os.close(fd)


@contextmanager
def open_input(path: str, streams: Streams) -> Iterator[int]:
    """Open `path` (absolute, or `-`) for reading and lend its descriptor.

    A named pipe is open at once, whether somebody writes to it yet or not; who reads it waits
    for input first.
    """
    if path == "-":
        yield streams.stdin.fileno()
        return
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened: {error.strerror}") from error
    try:
        os.set_blocking(fd, True)
        yield fd
    finally:
        os.close(fd)


def changed_since(before: os.stat_result, fd: int) -> bool:
    """Whether a regular file changed; a stream and a device have no time that says it."""
    after = os.fstat(fd)
    old, new = ((one.st_size, one.st_mtime_ns) for one in (before, after))
    return stat.S_ISREG(after.st_mode) and old != new


def read_index(path: str, streams: Streams) -> IndexFacts | None:
    """Read and check the index at `path` (absolute, or `-`); None where there is no such file.

    Raises `IndexFormatError` for one that breaks a rule, `SourceError` for one that cannot be read.
    """
    facts = file_facts(path, streams)
    if not facts.present:
        return None
    name = "standard input" if path == "-" else path
    from desync_jobs.formats.index_reading import read_index_blocks

    digest = hashlib.sha256()
    with open_input(path, streams) as fd, _read_failures(name):

        def fill(view: memoryview) -> int:
            filled = _fill(fd, view, streams.cancel)
            digest.update(view[:filled])
            return filled

        index = read_index_blocks(fill, name, os.fstat(fd).st_size, INDEX_SIZE_LIMIT)
    return IndexFacts(path, index, digest.hexdigest(), facts.identity)


@contextmanager
def _read_failures(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceError(f"{name}: cannot be read: {error.strerror}") from error


def _read_all(fd: int, name: str, limit: int, cancel: Cancel) -> bytearray:
    """Read to the end of `fd`.

    Raises `InvalidDataError` where there is more than `limit`.
    """
    # One allocation of the right size where it is known, and growth for a pipe.
    data = _read_some(fd, min(os.fstat(fd).st_size, limit + 1), cancel)
    while len(data) <= limit and (more := _read_some(fd, _READ, cancel)):
        data += more
    if len(data) > limit:
        raise InvalidDataError(f"{name}: is larger than {limit} bytes, the most that is read")
    return data


def _read_some(fd: int, size: int, cancel: Cancel) -> bytearray:
    """Read `size` bytes, or fewer where `fd` ends before."""
    data = bytearray(size)
    with memoryview(data) as view:
        filled = _fill(fd, view, cancel)
    del data[filled:]
    return data


def _fill(fd: int, view: memoryview, cancel: Cancel) -> int:
    """Fill `view`; returns how many bytes there were before the end of `fd`."""
    done = 0
    while done < len(view):
        cancel.wait_for(fd)
        with view[done:] as rest:
            count = os.readv(fd, [rest])
        if count == 0:
            break
        done += count
    return done


def read_text(path: str, streams: Streams) -> str:
    """Read a text file of bounded size; raises `SourceError` where it cannot be read."""
    with open_input(path, streams) as fd, _read_failures(path):
        data = _read_all(fd, path, _LIST_SIZE_LIMIT, streams.cancel)
    return bytes(data).decode("utf-8", "replace")


def read_chunk_ids(path: str, streams: Streams) -> set[ChunkID]:
    """Read a text file with one chunk ID a line; blank lines are passed over."""
    ids: set[ChunkID] = set()
    for number, line in enumerate(read_text(path, streams).splitlines(), 1):
        text = line.strip()
        if text:
            try:
                ids.add(parse_chunk_id(text.lower()))
            except ValueError as error:
                raise InvalidDataError(f"{path}: line {number}: {error}") from error
    return ids
